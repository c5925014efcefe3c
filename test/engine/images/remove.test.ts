import { expect, it } from "vitest";
import type { CatalogImage, Match } from "../../../engine/images/catalog.ts";
import type { RepositoryDigest } from "../../../engine/images/image-records.ts";
import { findDigestName, planRemoval, untaggedNames } from "../../../engine/images/remove.ts";
import type { Digest, ImageID } from "../../../engine/oci/digest.ts";

const id = `sha256:${"1".repeat(64)}` as ImageID;
const web = "docker.io/library/web:1";
const other = "docker.io/library/other:1";
const digestOf = (repository: string): RepositoryDigest => ({
  repository,
  digest: `sha256:${"d".repeat(64)}` as Digest,
});
const webDigest = digestOf("docker.io/library/web");
const otherDigest = digestOf("docker.io/library/other");
const user = { id: "c".repeat(64), name: "web-1" };

function match(references: string[], reference: string | null, digests: RepositoryDigest[] = []): Match {
  const image: CatalogImage = {
    id,
    manifestDigest: null,
    createdAt: "2026-01-01T00:00:00Z",
    architecture: "amd64",
    os: "linux",
    addedAt: "2026-01-01T00:00:00Z",
    layers: [],
    references,
    digests,
    imageConfig: null,
    chain: [],
    layerSizes: [],
    names: references.map((name) => name.replace("docker.io/library/", "")),
    repoDigests: [],
  };
  return { image, reference };
}

const refused = expect.objectContaining({ code: "failed-precondition" });
const unused = { users: [], force: false };
const forced = { users: [], force: true };
const used = { users: [user], force: false };

it("takes the image with its last name", () => {
  expect(planRemoval(match([web], web), unused)).toEqual({ references: [web], digests: [], image: id });
  expect(planRemoval(match([], null), unused)).toEqual({ references: [], digests: [], image: id });
});

it("takes only the name while another is left, even in use", () => {
  expect(planRemoval(match([web, other], web), used)).toEqual({ references: [web], digests: [], image: null });
});

it("asks for force by ID with several names", () => {
  expect(() => planRemoval(match([web, other], null), unused)).toThrow(/several names: web:1, other:1/);
  expect(planRemoval(match([web, other], null), forced)).toEqual({ references: [web, other], digests: [], image: id });
});

it("keeps an image in use and names the container", () => {
  expect(() => planRemoval(match([web], web), used)).toThrow(refused);
  expect(() => planRemoval(match([web], web), { users: [user, user], force: false })).toThrow(
    "image web:1 is used by container web-1 (cccccccccccc) and 1 more",
  );
  const byForce = { users: [user], force: true };
  expect(planRemoval(match([web], web), byForce)).toEqual({ references: [web], digests: [], image: null });
  expect(() => planRemoval(match([], null), byForce)).toThrow(refused);
});

it("takes a repository's digests with its last name, and not before", () => {
  const removal = planRemoval(match([web], web, [webDigest]), unused);
  expect(removal).toEqual({ references: [web], digests: [webDigest], image: id });
  expect(untaggedNames(removal)).toEqual(["web:1", `web@sha256:${"d".repeat(64)}`]);
  const latest = "docker.io/library/web:latest";
  expect(planRemoval(match([web, latest], web, [webDigest]), unused)).toEqual({
    references: [web],
    digests: [],
    image: null,
  });
  expect(planRemoval(match([web, other], web, [webDigest, otherDigest]), unused)).toEqual({
    references: [web],
    digests: [webDigest],
    image: null,
  });
});

it("takes a digest alone where it is named, and the image where nothing else is left", () => {
  const digest = findDigestName(`web@${webDigest.digest}`);
  expect(digest).toEqual(webDigest);
  expect(findDigestName("web:1")).toBeNull();
  expect(planRemoval(match([web], web, [webDigest]), { ...unused, digest })).toEqual({
    references: [],
    digests: [webDigest],
    image: null,
  });
  expect(planRemoval(match([], null, [webDigest]), { ...unused, digest })).toEqual({
    references: [],
    digests: [webDigest],
    image: id,
  });
  expect(() => planRemoval(match([], null, [webDigest]), { ...used, digest })).toThrow(refused);
});

it("takes a name and its repository's digest for one by ID, but not those of several repositories", () => {
  expect(planRemoval(match([web], null, [webDigest]), unused).image).toBe(id);
  expect(() => planRemoval(match([web], null, [webDigest, otherDigest]), unused)).toThrow(/several names/);
});
