import { afterAll, beforeAll, expect, it } from "vitest";
import { sha256 } from "../../engine/oci/digest.ts";
import { leftovers, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { pullOf, putLayers } from "../support/images-registry.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
});

afterAll(() => registry[Symbol.asyncDispose]());

it.each(["none", "gzip", "zstd"] as const)(
  "pulls an image with layers compressed by %s, runs and removes it",
  async (compression) => {
    const name = `team/${compression}:1`;
    const { manifest, config } = await putLayers(registry, name, [[["etc/motd", "one"]], [["etc/motd", "two"]]], {
      compression,
    });
    await using engine = await openImagesEngine();
    const reference = `${registry.address}/${name}`;
    const pulled = await engine.images.pull(pullOf(reference), quietWork);
    expect(pulled).toEqual([{ reference, id: sha256(config), digest: manifest.digest, isNew: true }]);
    const { RepoDigests, RepoTags } = await engine.images.inspect(reference);
    expect({ RepoDigests, RepoTags }).toEqual({
      RepoDigests: [`${registry.address}/team/${compression}@${manifest.digest}`],
      RepoTags: [reference],
    });
    expect(engine.images.resolve(`${registry.address}/team/${compression}@${manifest.digest}`).id).toBe(sha256(config));
    const [again] = await engine.images.pull(pullOf(reference), quietWork);
    expect(again).toEqual({ ...pulled[0], isNew: false });
    await engine.images.remove(reference, false);
    expect(await leftovers(engine)).toEqual([]);
  },
);
