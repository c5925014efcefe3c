import { expect, it } from "vitest";
import type { CatalogImage, Match } from "../../../engine/images/catalog.ts";
import { planRemoval } from "../../../engine/images/remove.ts";
import type { ImageID } from "../../../engine/oci/digest.ts";

const id = `sha256:${"1".repeat(64)}` as ImageID;
const web = "docker.io/library/web:1";
const other = "docker.io/library/other:1";
const user = { id: "c".repeat(64), name: "web-1" };

function match(references: string[], reference: string | null): Match {
  const image: CatalogImage = {
    id,
    manifestDigest: null,
    createdAt: "2026-01-01T00:00:00Z",
    architecture: "amd64",
    os: "linux",
    addedAt: "2026-01-01T00:00:00Z",
    layers: [],
    references,
    digests: [],
    imageConfig: null,
    chain: [],
    layerSizes: [],
    names: references.map((name) => name.replace("docker.io/library/", "")),
    repoDigests: [],
  };
  return { image, reference };
}

const refused = expect.objectContaining({ code: "failed-precondition" });

it("takes the image with its last name", () => {
  expect(planRemoval(match([web], web), [], false)).toEqual({ references: [web], image: id });
  expect(planRemoval(match([], null), [], false)).toEqual({ references: [], image: id });
});

it("takes only the name while another is left, even in use", () => {
  expect(planRemoval(match([web, other], web), [user], false)).toEqual({ references: [web], image: null });
});

it("asks for force by ID with several names", () => {
  expect(() => planRemoval(match([web, other], null), [], false)).toThrow(/several names: web:1, other:1/);
  expect(planRemoval(match([web, other], null), [], true)).toEqual({ references: [web, other], image: id });
});

it("keeps an image in use and names the container", () => {
  expect(() => planRemoval(match([web], web), [user], false)).toThrow(refused);
  expect(() => planRemoval(match([web], web), [user, user], false)).toThrow(
    "image web:1 is used by container web-1 (cccccccccccc) and 1 more",
  );
  expect(planRemoval(match([web], web), [user], true)).toEqual({ references: [web], image: null });
  expect(() => planRemoval(match([], null), [user], true)).toThrow(refused);
});
