import { createHash } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sha256 } from "../../engine/oci/digest.ts";
import type { Progress } from "../../engine/protocol/rpc.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { dockerArchive, makeLayout, run } from "../support/images-archives.ts";
import { type ImagesEngine, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { blobsOf, identityOf, saved } from "../support/images-save.ts";
import { chunksOf, imagesDirectory, tarOf } from "../support/images-tar.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let directory: Awaited<ReturnType<typeof imagesDirectory>>;
let registry: TestRegistry;
let layout: string;
let ociFile: string;

beforeAll(async () => {
  directory = await imagesDirectory();
  registry = await startRegistry();
  layout = makeLayout(directory.path);
  ociFile = join(directory.path, "oci.tar");
  run("skopeo", "copy", "-q", `oci:${layout}:web`, `oci-archive:${ociFile}:example/web:1`);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

const nameOf = (rest: string): string => `${registry.address}/${rest}`;

/** Pushes, and gives the answer beside the last that was told of each layer. */
async function push(engine: ImagesEngine, reference: string, allTags = false) {
  const told: Progress[] = [];
  const work = { ...quietWork, onProgress: (progress: Progress) => void told.push(progress) };
  const pushed = await engine.images.push({ reference, allTags, credentials: null }, work);
  return { pushed, phases: told.at(-1)?.parts?.map((part) => part.phase) };
}

async function loadPlain(engine: ImagesEngine, text: string, tag: string): Promise<void> {
  const archive = await tarOf(await dockerArchive([[["base", "the same\n".repeat(50_000)]], [["motd", text]]], tag));
  await engine.images.load(chunksOf(archive), quietWork);
}

it("pushes the very manifest an image came with, and nothing twice", async () => {
  await using engine = await openImagesEngine();
  await engine.loadFile(ociFile);
  await engine.images.tag("example/web:1", nameOf("exact/web:1"));
  const original = run("skopeo", "inspect", "--raw", `oci:${layout}:web`);

  const first = await push(engine, nameOf("exact/web:1"));
  expect(first.pushed).toEqual([
    { reference: nameOf("exact/web:1"), digest: sha256(original), size: Buffer.byteLength(original) },
  ]);
  expect(first.phases).toEqual(["done", "done", "done"]);
  expect((await registry.findManifest("exact/web", "1"))?.toString()).toBe(original);
  const { RepoDigests } = await identityOf(engine, "example/web:1");
  expect(RepoDigests).toContain(`${nameOf("exact/web")}@${sha256(original)}`);

  expect((await push(engine, nameOf("exact/web:1"))).phases).toEqual(["present", "present", "present"]);
  // Another tag: the manifest is new there, its blobs are not.
  await engine.images.tag("example/web:1", nameOf("exact/web:2"));
  expect((await push(engine, nameOf("exact/web:2"))).phases).toEqual(["present", "present", "present"]);
  // Another repository of the same registry.
  await engine.images.tag("example/web:1", nameOf("exact/copy"));
  expect((await push(engine, nameOf("exact/copy"))).phases).toEqual(["mounted", "mounted", "mounted"]);
  const copy = `docker://${nameOf("exact/copy:latest")}`;
  expect(run("skopeo", "inspect", "--tls-verify=false", "--raw", copy)).toBe(original);
  run("skopeo", "copy", "-q", "--src-tls-verify=false", copy, `dir:${join(directory.path, "copied")}`);
});

it("compresses plain layers once, and keeps what it made", async () => {
  await using engine = await openImagesEngine();
  await loadPlain(engine, "one\n", nameOf("plain/a:1"));
  const { diffIDs, plain } = { diffIDs: engine.images.resolve(nameOf("plain/a:1")).chain, plain: blobsOf(engine) };
  const { pushed } = await push(engine, nameOf("plain/a:1"));
  const manifest = JSON.parse((await registry.findManifest("plain/a", "1"))?.toString() ?? "");
  expect(manifest).toMatchObject({
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: { mediaType: "application/vnd.docker.container.image.v1+json" },
    layers: [1, 2].map(() => ({ mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip" })),
  });
  const tars = manifest.layers.map(({ digest }: { digest: string }) =>
    gunzipSync(readFileSync(join(engine.root, "blobs/sha256", digest.slice(7)))),
  );
  expect(tars.map((tar: Buffer) => `sha256:${createHash("sha256").update(tar).digest("hex")}`)).toEqual(diffIDs);
  // The plain ones are nobody's any more; the manifest is the image's own from now on.
  await expect.poll(() => blobsOf(engine)).toHaveLength(4);
  const kept = blobsOf(engine);
  expect(kept).not.toEqual(expect.arrayContaining(diffIDs.map((diffID) => diffID.slice(7))));
  expect(kept).toContain(pushed[0]?.digest.slice(7));
  expect(plain).toHaveLength(3);

  const again = await push(engine, nameOf("plain/a:1"));
  expect(again.pushed).toEqual(pushed);
  await expect.poll(() => blobsOf(engine)).toEqual(kept);

  // An image that shares a layer takes the compressed one, in whatever order they came.
  await loadPlain(engine, "two\n", nameOf("plain/b:1"));
  expect((await push(engine, nameOf("plain/b:1"))).phases).toEqual(["mounted", "done"]);
  await using other = await openImagesEngine();
  await other.images.load(chunksOf(await saved(engine, [nameOf("plain/a:1")])), quietWork);
  expect((await push(other, nameOf("plain/a:1"))).pushed).toEqual(pushed);
});

it("prepares an image once for several pushes at a time", async () => {
  await using engine = await openImagesEngine();
  await loadPlain(engine, "at once\n", nameOf("once/a:1"));
  await engine.images.tag(nameOf("once/a:1"), nameOf("once/b:1"));
  const both = await Promise.all([push(engine, nameOf("once/a:1")), push(engine, nameOf("once/b:1"))]);
  expect(both[0].pushed[0]?.digest).toBe(both[1].pushed[0]?.digest);
  await expect.poll(() => blobsOf(engine)).toHaveLength(4);
});

it("pushes all tags of a name", async () => {
  await using engine = await openImagesEngine();
  await loadPlain(engine, "one\n", nameOf("many/a:1"));
  await loadPlain(engine, "two\n", nameOf("many/a:2"));
  await engine.images.tag(nameOf("many/a:1"), nameOf("many/a:also"));
  await loadPlain(engine, "three\n", nameOf("many/b:1"));
  const { pushed } = await push(engine, nameOf("many/a"), true);
  expect(pushed.map(({ reference }) => reference)).toEqual(["1", "2", "also"].map((tag) => nameOf(`many/a:${tag}`)));
  expect(pushed[0]?.digest).toBe(pushed[2]?.digest);
  expect(await registry.findManifest("many/b", "1")).toBeNull();
});

it("says what cannot be pushed, and why", async () => {
  await using engine = await openImagesEngine();
  await loadPlain(engine, "one\n", nameOf("some/a:1"));
  const { Id } = await identityOf(engine, nameOf("some/a:1"));
  const failure = (reference: string, allTags = false) => expect(push(engine, reference, allTags)).rejects;
  await failure(nameOf("some/a")).toMatchObject({
    code: "not-found",
    message: `no such image: ${nameOf("some/a:latest")}`,
  });
  // Not an ID, even where one begins so.
  await failure(String(Id).slice(7, 13)).toMatchObject({ code: "not-found" });
  await failure(nameOf("other"), true).toMatchObject({ code: "not-found" });
  await failure(nameOf("some/a:1"), true).toMatchObject({ code: "invalid-argument" });
  await failure(`${nameOf("some/a")}@${sha256("x")}`).toMatchObject({ code: "invalid-argument" });
  expect(engine.operations.list()).toEqual([]);
});

it("tells bytes that were damaged here from a registry that refuses", async () => {
  await using engine = await openImagesEngine();
  await engine.loadFile(ociFile);
  const name = nameOf("damaged/web:1");
  await engine.images.tag("example/web:1", name);
  const [layer] = JSON.parse(run("skopeo", "inspect", "--raw", `oci:${layout}:web`)).layers;
  const path = engine.blobs.pathOf(layer.digest);
  const good = readFileSync(path);
  chmodSync(path, 0o600);
  for (const bad of [Buffer.from(good).fill(0x41, 600, 603), good.subarray(0, 600)]) {
    writeFileSync(path, bad);
    await expect(push(engine, name)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("was damaged on disk"),
    });
  }
  expect(await registry.findManifest("damaged/web", "1")).toBeNull();
  writeFileSync(path, good);
  expect((await push(engine, name)).pushed).toHaveLength(1);
});

it("asks for the right to push, and leaves nothing where it is refused", async () => {
  await using closed = await startRegistry({ auth: "basic" });
  await using engine = await openImagesEngine();
  await loadPlain(engine, "one\n", `${closed.address}/team/a:1`);
  const request = { reference: `${closed.address}/team/a:1`, allTags: false };
  await expect(engine.images.push({ ...request, credentials: null }, quietWork)).rejects.toMatchObject({
    code: "unauthenticated",
  });
  const credentials = { type: "password", username: "ann", password: "open sesame" } as const;
  const [pushed] = await engine.images.push({ ...request, credentials }, quietWork);
  expect(sha256((await closed.findManifest("team/a", "1")) ?? "")).toBe(pushed?.digest);
});

it("mounts between repositories with tokens that cover both", async () => {
  await using closed = await startRegistry({ auth: "token" });
  await using engine = await openImagesEngine();
  await loadPlain(engine, "one\n", `${closed.address}/team/a:1`);
  const credentials = { type: "password", username: "ann", password: "open sesame" } as const;
  await engine.images.push({ reference: `${closed.address}/team/a:1`, allTags: false, credentials }, quietWork);
  await engine.images.tag(`${closed.address}/team/a:1`, `${closed.address}/other/b:1`);
  const phases = new Set<string>();
  const onProgress = ({ parts = [] }: Progress) => {
    for (const { phase } of parts) phases.add(phase);
  };
  const request = { reference: `${closed.address}/other/b:1`, allTags: false, credentials };
  await engine.images.push(request, { ...quietWork, onProgress });
  expect([...phases].sort()).toEqual(["mounted", "waiting"]);
});

it("leaves the name alone where it is cancelled or cut, and does nothing twice when tried again", async () => {
  await using proxy = await FaultProxy.start(registry.url);
  await using engine = await openImagesEngine();
  const name = `${proxy.address}/cut/a:1`;
  await loadPlain(engine, "cancelled\n", name);
  const isUpload = (method: string, url: string) => method === "PUT" && url.includes("/blobs/uploads/");
  const abort = new AbortController();
  // In the middle of the first try, since the next ones come at once.
  proxy.fault = ({ method, url }) => {
    if (!isUpload(method, url)) return null;
    abort.abort();
    return { type: "cut-upload", after: 50 };
  };
  const request = { reference: name, allTags: false, credentials: null };
  const pushing = engine.images.push(request, { signal: abort.signal, onProgress: () => {} });
  await expect(pushing).rejects.toMatchObject({ code: "cancelled" });
  expect(await registry.findManifest("cut/a", "1")).toBeNull();
  expect(engine.operations.list()).toEqual([]);
  await expect.poll(() => blobsOf(engine)).toHaveLength(4);
  const kept = blobsOf(engine);

  let cuts = 0;
  proxy.fault = ({ method, url }) => (isUpload(method, url) && cuts++ === 0 ? { type: "cut-upload", after: 50 } : null);
  await engine.images.push(request, quietWork);
  expect(await registry.findManifest("cut/a", "1")).not.toBeNull();
  // What was compressed for the first try served the second.
  await expect.poll(() => blobsOf(engine)).toEqual(kept);
});
