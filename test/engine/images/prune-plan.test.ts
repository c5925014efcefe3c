import { expect, it } from "vitest";
import type { CatalogImage } from "../../../engine/images/catalog.ts";
import type { PruneOptions } from "../../../engine/images/image-service.ts";
import { type Holding, planPrune } from "../../../engine/images/prune-plan.ts";
import type { ImageID } from "../../../engine/oci/digest.ts";

type Given = { name: string; named?: boolean; created?: string; labels?: Record<string, string>; holds?: string };

function imageOf({ name, named = false, created = "2026-01-01T00:00:00Z", labels = {} }: Given): CatalogImage {
  return {
    id: name as ImageID,
    manifestDigest: null,
    createdAt: created,
    architecture: "amd64",
    os: "linux",
    addedAt: created,
    layers: [],
    references: named ? [`docker.io/library/${name}:1`] : [],
    digests: [],
    imageConfig: { rootfs: { type: "layers" }, config: { Labels: labels } },
    chain: [],
    layerSizes: [],
    names: named ? [`${name}:1`] : [],
    repoDigests: [],
  };
}

/** Each letter is a layer; `a` has a byte, `b` ten, `c` a hundred, `d` a thousand. */
const holdingsOf = (letters: string): Holding[] =>
  [...letters].map((key) => ({ key, size: 10 ** "abcd".indexOf(key) }));

function prune(
  given: readonly Given[],
  options: Partial<PruneOptions> = {},
  more: { used?: string; left?: string } = {},
) {
  const holds = new Map(given.map(({ name, holds: letters = "" }) => [name, holdingsOf(letters)]));
  const plan = planPrune(
    {
      images: given.map(imageOf),
      isUsed: ({ id }) => id === more.used,
      holdingsOf: ({ id }) => holds.get(id) ?? [],
      leftovers: holdingsOf(more.left ?? ""),
    },
    { all: true, until: null, labels: [], ...options },
  );
  return { ...plan, images: plan.images.map(({ image, bytes }) => `${image.id} ${bytes}`) };
}

it("counts a layer with the last image that holds it, and not where one stays", () => {
  const images = [
    { name: "one", holds: "ab" },
    { name: "two", holds: "abc" },
    { name: "three", holds: "ad" },
  ];
  expect(prune(images)).toMatchObject({ images: ["one 0", "two 110", "three 1001"], bytes: 1111 });
  expect(prune(images, {}, { used: "two" })).toMatchObject({ images: ["one 0", "three 1000"], bytes: 1000 });
});

it("counts a layer that lies in an image twice once", () => {
  expect(prune([{ name: "one", holds: "aab" }])).toMatchObject({ images: ["one 11"], bytes: 11 });
});

it("takes named images only if all are asked for", () => {
  const images = [{ name: "named", named: true }, { name: "dangling" }];
  expect(prune(images, { all: false }).images).toEqual(["dangling 0"]);
  expect(prune(images).images).toEqual(["named 0", "dangling 0"]);
});

it("spares what is newer, lacks a label, or has one that it must not have", () => {
  const images = [
    { name: "old", created: "2025-01-01T00:00:00Z", labels: { tier: "web", keep: "" } },
    { name: "new", created: "2026-06-01T00:00:00+02:00", labels: { tier: "db" } },
  ];
  const names = (options: Partial<PruneOptions>) => prune(images, options).images.map((line) => line.split(" ")[0]);
  expect(names({ until: "2026-01-01T00:00:00Z" })).toEqual(["old"]);
  expect(names({ until: "2026-05-31T22:00:00Z" })).toEqual(["old", "new"]);
  expect(names({ labels: ["tier"] })).toEqual(["old", "new"]);
  expect(names({ labels: ["tier=db"] })).toEqual(["new"]);
  expect(names({ labels: ["!keep"] })).toEqual(["new"]);
  expect(names({ labels: ["!keep", "!tier=db"] })).toEqual([]);
});

it("takes what interrupted pulls left, unless images are chosen", () => {
  const images = [{ name: "one", holds: "ab" }];
  const left = { left: "bc", used: "one" };
  expect(prune(images, {}, left)).toMatchObject({ images: [], takesLeftovers: true, bytes: 100 });
  expect(prune(images, {}, { left: "bc" })).toMatchObject({ images: ["one 11"], bytes: 111 });
  expect(prune(images, { labels: ["!x"] }, { left: "bc" })).toMatchObject({
    images: ["one 1"],
    takesLeftovers: false,
    bytes: 1,
  });
});
