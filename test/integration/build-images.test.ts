import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { type DiffID, hexOf, sha256 } from "../../engine/oci/digest.ts";
import { makeLayout, run } from "../support/images-archives.ts";
import { type ImagesEngine, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { blobsOf, identityOf, saved } from "../support/images-save.ts";
import { chunksOf, imagesDirectory } from "../support/images-tar.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { entriesOf } from "../support/tar-listing.ts";

let directory: Awaited<ReturnType<typeof imagesDirectory>>;
let registry: TestRegistry;
let layout: string;
let archive: string;
let engine: ImagesEngine;

beforeAll(async () => {
  directory = await imagesDirectory();
  registry = await startRegistry();
  layout = makeLayout(directory.path);
  archive = join(directory.path, "base.tar");
  run("skopeo", "copy", "-q", `oci:${layout}:web`, `oci-archive:${archive}:example/base:1`);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});
beforeEach(async () => {
  engine = await openImagesEngine();
  await engine.loadFile(archive);
});
afterEach(() => engine[Symbol.asyncDispose]());

const signal = new AbortController().signal;
const created = "2026-02-03T04:05:06Z";

/** An image of the base and one step, as a build makes it. */
async function build(references: readonly string[]) {
  const base = engine.images.resolve("example/base:1");
  await engine.layers.prepare("step", base.chain);
  const rootfs = await engine.layers.mount("step", { isVolatile: true });
  mkdirSync(`${rootfs}/app`);
  writeFileSync(`${rootfs}/app/main`, "main\n");
  using layer = await engine.layers.commit("step", { signal });
  const chain = [...base.chain, layer?.diffID as DiffID];
  const history = [...base.chain.map(() => ({ created, created_by: "base" })), { created, created_by: "COPY . /app" }];
  const config = { architecture: "amd64", os: "linux", created, config: { Cmd: ["/app/main"] }, history };
  return { chain, ...(await engine.images.assemble({ config, chain, references })) };
}

it("is an image like others, at once", async () => {
  const events: string[] = [];
  engine.events.onEvent(({ action, attributes }) => void events.push(`${action} ${attributes.name}`));
  const { id, chain } = await build(["app:1", "localhost:5000/app"]);
  expect(events).toEqual(["tag app:1", "tag localhost:5000/app:latest"]);
  expect(engine.images.list().find((image) => image.id === id)).toMatchObject({
    references: ["app:1", "localhost:5000/app:latest"],
    createdAt: created,
    layerCount: chain.length,
    command: ["/app/main"],
  });
  expect(await engine.images.inspect("app:1")).toMatchObject({
    Id: id,
    Created: created,
    RootFS: { Layers: chain },
    Config: { Cmd: ["/app/main"] },
  });
  const history = await engine.images.history("app:1");
  expect(history[0]).toMatchObject({ createdBy: "COPY . /app", diffID: chain.at(-1), size: 5 });
  expect(history).toHaveLength(chain.length);
});

it("leaves by save and comes again elsewhere, whether its base is here or not", async () => {
  const { id } = await build(["app:1"]);
  await engine.images.remove("example/base:1", false);
  const bytes = await saved(engine, ["app:1"]);
  await using other = await openImagesEngine();
  await other.images.load(chunksOf(bytes), quietWork);
  expect(await identityOf(other, "app:1")).toEqual({ ...(await identityOf(engine, "app:1")), Id: id });
});

it("is pushed with the layers of its base as they came", async () => {
  const name = `${registry.address}/team/app:1`;
  const { id } = await build([name]);
  await engine.images.push({ reference: name, allTags: false, credentials: null }, quietWork);
  const raw = JSON.parse(run("skopeo", "inspect", "--tls-verify=false", "--raw", `docker://${name}`));
  const base = JSON.parse(run("skopeo", "inspect", "--raw", `oci:${layout}:web`));
  const digests = (manifest: { layers: { digest: string }[] }) => manifest.layers.map(({ digest }) => digest);
  expect(raw.config.digest).toBe(id);
  expect(digests(raw).slice(0, -1)).toEqual(digests(base));
});

const attestations = [
  { predicateType: "https://slsa.dev/provenance/v0.2", predicate: Buffer.from('{"buildType":"x"}') },
  { predicateType: "https://spdx.dev/Document", predicate: Buffer.from('{"spdxVersion":"SPDX-2.3"}') },
];
const said = (index: { manifests: Record<string, unknown>[] }, manifest: string) =>
  expect(index.manifests).toMatchObject([
    { digest: manifest, platform: { architecture: "amd64", os: "linux" } },
    {
      platform: { architecture: "unknown", os: "unknown" },
      annotations: { "vnd.docker.reference.digest": manifest, "vnd.docker.reference.type": "attestation-manifest" },
    },
  ]);

it("does not keep its base, once pulled again, from leaving", async () => {
  const name = `${registry.address}/team/base:1`;
  await engine.images.tag("example/base:1", name);
  await engine.images.push({ reference: name, allTags: false, credentials: null }, quietWork);
  const { chain } = engine.images.resolve(name);
  using _cached = await engine.layers.hold(chain);
  await engine.images.remove(name, true);
  await engine.images.remove("example/base:1", true);
  await vi.waitFor(() => expect(blobsOf(engine)).toEqual([]));
  const request = { reference: name, allTags: false, platform: null, credentials: null, verifyKeys: [] };
  await engine.images.pull(request, quietWork);
  await using other = await openImagesEngine();
  await other.images.load(chunksOf(await saved(engine, [name])), quietWork);
  expect(other.images.resolve(name).chain).toEqual(chain);
});

it("takes what is said about it along into a registry, until it is built without", async () => {
  const name = `${registry.address}/team/attested:1`;
  const { chain } = await build([]);
  const config = { architecture: "amd64", os: "linux", created };
  await engine.images.assemble({ config, chain, references: [name], attestations });
  const [pushed] = await engine.images.push({ reference: name, allTags: false, credentials: null }, quietWork);
  const raw = run("skopeo", "inspect", "--tls-verify=false", "--raw", `docker://${name}`);
  expect(sha256(raw)).toBe(pushed?.digest);
  const index = JSON.parse(raw);
  said(index, index.manifests[0].digest);
  const about = JSON.parse(String(await registry.findManifest("team/attested", index.manifests[1].digest as string)));
  expect(about.layers).toMatchObject([
    {
      mediaType: "application/vnd.in-toto+json",
      annotations: { "in-toto.io/predicate-type": attestations[0]?.predicateType },
    },
    { annotations: { "in-toto.io/predicate-type": "https://spdx.dev/Document" } },
  ]);
  await using other = await openImagesEngine();
  const request = { reference: name, allTags: false, platform: null, credentials: null, verifyKeys: [] };
  const pulled = await other.images.pull(request, quietWork);
  expect(pulled[0]?.id).toBe(engine.images.resolve(name).id);
  expect((await engine.images.fsck(false, quietWork)).findings).toEqual([]);
  await engine.images.assemble({ config, chain, references: [name] });
  await engine.images.push({ reference: name, allTags: false, credentials: null }, quietWork);
  const again = JSON.parse(run("skopeo", "inspect", "--tls-verify=false", "--raw", `docker://${name}`));
  expect(again.layers).toHaveLength(chain.length);
});

it.each(["oci-archive", "docker-archive"] as const)("is written as %s without being here", async (format) => {
  const { chain } = await build([]);
  const config = { architecture: "amd64", os: "linux", created, author: format };
  const before = [engine.images.list(), blobsOf(engine)];
  const pieces: Buffer[] = [];
  const take = async (bytes: Buffer) => void pieces.push(Buffer.from(bytes));
  const parts = { config, chain, references: ["app:2"], attestations, format };
  const exported = await engine.images.exportAssembled(parts, take, quietWork);
  const bytes = Buffer.concat(pieces);
  expect(exported.bytes).toBe(bytes.length);
  await vi.waitFor(() => expect([engine.images.list(), blobsOf(engine)]).toEqual(before));
  const entries = await entriesOf(bytes);
  const read = (path: string) => JSON.parse(String(entries.find((entry) => entry.name === path)?.content));
  expect(read("index.json").manifests).toMatchObject([{ digest: exported.digest }]);
  const index = read(`blobs/sha256/${hexOf(exported.digest)}`);
  said(index, index.manifests[0].digest);
  const about = read(`blobs/sha256/${hexOf(index.manifests[1].digest)}`);
  expect(read(`blobs/sha256/${hexOf(about.layers[1].digest)}`)).toEqual({
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: "https://spdx.dev/Document",
    subject: [
      { name: "pkg:docker/app@2?platform=linux%2Famd64", digest: { sha256: hexOf(index.manifests[0].digest) } },
    ],
    predicate: { spdxVersion: "SPDX-2.3" },
  });
  await using other = await openImagesEngine();
  await other.images.load(chunksOf(bytes), quietWork);
  expect(await identityOf(other, "app:2")).toMatchObject({ Id: exported.id, RootFS: { Layers: chain } });
});

it("is refused where a layer or a name is wrong, and nothing is left", async () => {
  const { chain } = await build(["app:1"]);
  const lost = [...chain, `sha256:${"0".repeat(64)}` as DiffID];
  const before = engine.images.list();
  await expect(engine.images.assemble({ config: { os: "linux" }, chain: lost, references: [] })).rejects.toMatchObject({
    code: "not-found",
  });
  await expect(engine.images.assemble({ config: {}, chain, references: ["A B"] })).rejects.toMatchObject({
    code: "invalid-argument",
  });
  expect(engine.images.list()).toEqual(before);
});
