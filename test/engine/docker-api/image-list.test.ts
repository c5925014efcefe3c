import { expect, it } from "vitest";
import { type Filters, parseFilters } from "../../../engine/docker-api/filters.ts";
import { filterImages, formatImage, imageFilters, type Span } from "../../../engine/docker-api/image-list.ts";
import type { ImageSummary } from "../../../engine/protocol/images.ts";

const digest = `sha256:${"d".repeat(64)}`;
const anyTime: Span = { after: null, before: null };

function image(id: string, changes: Partial<ImageSummary> = {}): ImageSummary {
  return {
    id,
    references: [],
    digests: [],
    createdAt: "2026-03-01T00:00:00Z",
    size: 10,
    sharedSize: 4,
    layerCount: 1,
    containers: [],
    labels: {},
    architecture: "amd64",
    os: "linux",
    command: [],
    exposedPorts: [],
    ...changes,
  };
}

const images = [
  image("web", {
    references: ["web:1", "web:2", "127.0.0.1:5000/team/web:1"],
    labels: { tier: "front" },
    createdAt: "2026-03-02T00:00:00Z",
  }),
  image("dangling"),
  image("by-digest", { digests: [`db@${digest}`], createdAt: "2026-02-01T00:00:00Z" }),
];

function idsFor(filters: Record<string, string[]>, span = anyTime): string[] {
  return filterImages(images, parse(filters), span).map(({ id }) => id);
}

function parse(filters: Record<string, string[]>): Filters {
  return parseFilters(JSON.stringify(filters), imageFilters);
}

it("lists all without a filter", () => {
  expect(idsFor({})).toEqual(["web", "dangling", "by-digest"]);
});

it("takes what a registry knows by digest alone for dangling, and not", () => {
  expect(idsFor({ dangling: ["true"] })).toEqual(["dangling", "by-digest"]);
  expect(idsFor({ dangling: ["false"] })).toEqual(["web", "by-digest"]);
  expect(() => idsFor({ dangling: ["maybe"] })).toThrow("invalid filter");
});

it("shows only the names that fit a reference", () => {
  const found = filterImages(images, parse({ reference: ["web:1", "team/*"] }), anyTime);
  expect(found.map(({ references }) => references)).toEqual([["web:1"]]);
  expect(idsFor({ reference: ["127.0.0.1:5000/*/web"] })).toEqual(["web"]);
  expect(idsFor({ reference: ["db"] })).toEqual(["by-digest"]);
  expect(idsFor({ reference: ["nothing"] })).toEqual([]);
});

it("filters by labels and by when an image was made", () => {
  expect(idsFor({ label: ["tier=front"] })).toEqual(["web"]);
  expect(idsFor({ label: ["tier=back"] })).toEqual([]);
  const march = Date.parse("2026-03-01T00:00:00Z");
  expect(idsFor({}, { after: march, before: null })).toEqual(["web"]);
  expect(idsFor({}, { after: null, before: march })).toEqual(["by-digest"]);
});

it("gives old clients the words they know", () => {
  const [web = image(""), dangling = image("")] = images;
  expect(formatImage(dangling, { version: 41, sharedSize: false })).toMatchObject({
    RepoTags: ["<none>:<none>"],
    RepoDigests: ["<none>@<none>"],
    VirtualSize: 10,
    SharedSize: -1,
    Labels: {},
  });
  expect(formatImage(dangling, { version: 50, sharedSize: true })).toMatchObject({
    RepoTags: [],
    RepoDigests: [],
    SharedSize: 4,
  });
  expect(formatImage(web, { version: 50, sharedSize: true })).not.toHaveProperty("VirtualSize");
});
