import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../engine/oci/digest.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { imageParts } from "../support/images-archives.ts";
import { leftovers, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { pullOf, putLayers } from "../support/images-registry.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
let proxy: FaultProxy;

beforeAll(async () => {
  registry = await startRegistry();
  proxy = await FaultProxy.start(registry.url);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

beforeEach(() => {
  proxy.requests.length = 0;
  proxy.fault = () => null;
});

it.each(["none", "gzip", "zstd"] as const)(
  "pulls layers compressed by %s, and removes them without a trace",
  async (compression) => {
    const name = `team/${compression}:1`;
    const layers = [[["etc/motd", "one"]], [["etc/motd", "two"]]] as const;
    const { manifest, config } = await putLayers(registry, name, layers, { compression });
    await using engine = await openImagesEngine();
    const reference = `${proxy.address}/${name}`;
    const repository = reference.slice(0, -2);
    const pulled = await engine.images.pull(pullOf(reference), quietWork);
    expect(pulled).toEqual([{ reference, id: sha256(config), digest: manifest.digest, isNew: true }]);
    expect(await engine.images.inspect(reference)).toMatchObject({
      RepoDigests: [`${repository}@${manifest.digest}`],
      RepoTags: [reference],
    });
    expect(engine.images.resolve(`${repository}@${manifest.digest}`).id).toBe(sha256(config));

    proxy.requests.length = 0;
    const [again] = await engine.images.pull(pullOf(reference), quietWork);
    expect(again).toEqual({ ...pulled[0], isNew: false });
    expect(proxy.requests).toHaveLength(1);
    await engine.images.remove(reference, false);
    expect(await leftovers(engine)).toEqual([]);
  },
);

it("fetches no layer that is here, be it a blob or only unpacked", async () => {
  const base = [["base", "shared"]] as const;
  const first = await putLayers(registry, "share/first", [base, [["own", "1"]]]);
  // The same layer, compressed by somebody else.
  const second = await putLayers(registry, "share/second", [base, [["own", "2"]]], { compression: "zstd" });
  await putLayers(registry, "share/third", [base, [["own", "3"]]]);
  await using engine = await openImagesEngine();
  const blobs = () => new Set(proxy.seen("GET", "/blobs/").map(({ url }) => url.slice(-64)));
  const pull = (name: string) => engine.images.pull(pullOf(`${proxy.address}/${name}`), quietWork);

  await pull("share/first");
  proxy.requests.length = 0;
  await pull("share/second");
  expect(blobs()).toEqual(new Set([second.config, second.blobs[1]?.bytes ?? Buffer.of()].map(hex)));
  proxy.requests.length = 0;
  await pull("share/third");
  expect(blobs().has(hex(first.blobs[0]?.bytes ?? Buffer.of()))).toBe(false);
  expect(blobs().size).toBe(2);
});

it("pulls by digest, and by name and digest as if the name had no tag", async () => {
  const { manifest, config } = await putLayers(registry, "by/digest:1", [[["a", "a"]]]);
  await putLayers(registry, "by/digest:2", [[["a", "b"]]]);
  await using engine = await openImagesEngine();
  const repository = `${registry.address}/by/digest`;
  for (const reference of [`${repository}@${manifest.digest}`, `${repository}:2@${manifest.digest}`]) {
    const [pulled] = await engine.images.pull(pullOf(reference), quietWork);
    expect(pulled).toMatchObject({ id: sha256(config), digest: manifest.digest });
  }
  expect(engine.images.list()).toMatchObject([{ id: sha256(config), references: [] }]);
  expect(engine.images.resolve(`${repository}@${manifest.digest}`).id).toBe(sha256(config));
  const [tagged] = await engine.images.pull(pullOf(`${repository}:1`), quietWork);
  expect(tagged?.isNew).toBe(true);
  expect(engine.images.list()).toMatchObject([{ references: [`${repository}:1`] }]);
});

it("pulls all tags of a repository", async () => {
  for (const tag of ["1", "2", "latest"]) await putLayers(registry, `all/tags:${tag}`, [[["a", tag]]]);
  await using engine = await openImagesEngine();
  const repository = `${registry.address}/all/tags`;
  const pulled = await engine.images.pull(pullOf(repository, { allTags: true }), quietWork);
  expect(pulled.map(({ reference }) => reference)).toEqual([
    `${repository}:1`,
    `${repository}:2`,
    `${repository}:latest`,
  ]);
  expect(engine.images.list()).toHaveLength(3);
  await expect(engine.images.pull(pullOf(`${repository}:1`, { allTags: true }), quietWork)).rejects.toMatchObject({
    code: "invalid-argument",
  });
});

function hex(bytes: Buffer): string {
  return sha256(bytes).slice(7);
}

describe("an image for several platforms", () => {
  const indexType = "application/vnd.oci.image.index.v1+json";

  async function putIndex(repository: string): Promise<{ digest: string; ids: Record<string, string> }> {
    const manifests: object[] = [];
    const ids: Record<string, string> = {};
    for (const [architecture, variant] of [["amd64"], ["arm64"], ["arm", "v6"], ["arm", "v7"]] as const) {
      const config = { architecture, ...(variant === undefined ? {} : { variant }) };
      const name = `${architecture}${variant ?? ""}`;
      const put = await putLayers(registry, `${repository}:${name}`, [[["name", name]]], { config });
      ids[name] = sha256(put.config);
      manifests.push({ ...put.manifest, platform: { os: "linux", ...config } });
    }
    manifests.push({ ...(manifests[0] as object), platform: { os: "unknown", architecture: "unknown" } });
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
    const { digest } = await registry.putManifest(repository, "latest", indexType, bytes);
    return { digest, ids };
  }

  it("takes the one for this host, or for the platform asked for", async () => {
    const { digest, ids } = await putIndex("multi/one");
    await using engine = await openImagesEngine();
    const reference = `${proxy.address}/multi/one`;
    const host = process.arch === "arm64" ? "arm64" : "amd64";
    for (const [platform, name] of [
      [null, host],
      ["linux/arm/v7", "armv7"],
      ["linux/arm/v6", "armv6"],
      ["arm64", "arm64"],
    ] as const) {
      const [pulled] = await engine.images.pull(pullOf(reference, { platform }), quietWork);
      expect(pulled).toEqual({ reference: `${reference}:latest`, id: ids[name], digest, isNew: true });
    }
    // Again for this host: the index and the manifest are here.
    proxy.requests.length = 0;
    const [again] = await engine.images.pull(pullOf(reference), quietWork);
    expect(again).toMatchObject({ id: ids[host], digest });
    expect(proxy.requests).toHaveLength(1);
    expect(engine.images.resolve(`${reference}@${digest}`).id).toBe(ids[host]);
  });

  it("says which there are", async () => {
    await putIndex("multi/two");
    await using engine = await openImagesEngine();
    const pull = engine.images.pull(pullOf(`${registry.address}/multi/two`, { platform: "linux/s390x" }), quietWork);
    await expect(pull).rejects.toThrow(
      `pull ${registry.address}/multi/two:latest: the image is not made for linux/s390x: it is for linux/amd64, linux/arm64, linux/arm/v6, linux/arm/v7`,
    );
    await putLayers(registry, "multi/three", [[["a", "a"]]]);
    const single = pullOf(`${registry.address}/multi/three`, { platform: "linux/arm64" });
    await expect(engine.images.pull(single, quietWork)).rejects.toThrow(
      "the image is made for linux/amd64, not for linux/arm64",
    );
    expect(await leftovers(engine)).toEqual([]);
  });
});

it("refuses what is no image of today, in a sentence each", async () => {
  await putLayers(registry, "odd/one", [[["a", "a"]]]);
  const { config } = await imageParts([[["a", "a"]]]);
  await using engine = await openImagesEngine();
  const schema1 = Buffer.from(JSON.stringify({ schemaVersion: 1, name: "odd/one", tag: "latest", fsLayers: [] }));
  const answers: [body: Buffer, type: string, message: RegExp][] = [
    [schema1, "application/vnd.docker.distribution.manifest.v1+prettyjws", /manifest schema 1/],
    [schema1, "application/json", /manifest schema 1/],
    [config, "application/vnd.oci.image.manifest.v1+json", /manifest sha256:\w+.*schemaVersion/s],
    [Buffer.from("<html>"), "text/html", /./],
  ];
  for (const [body, type, message] of answers) {
    const headers = { "content-type": type, "docker-content-digest": sha256(body) };
    proxy.fault = ({ url }) => (url.includes("/manifests/") ? { type: "answer", status: 200, headers, body } : null);
    const pull = engine.images.pull(pullOf(`${proxy.address}/odd/one`), quietWork);
    await expect(pull).rejects.toThrow(message);
  }
  proxy.fault = () => null;
  const missing = engine.images.pull(pullOf(`${proxy.address}/odd/none:7`), quietWork);
  await expect(missing).rejects.toMatchObject({ code: "not-found" });
  expect(await leftovers(engine)).toEqual([]);
});
