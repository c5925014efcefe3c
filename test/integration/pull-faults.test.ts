import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LongWork } from "../../engine/images/image-service.ts";
import { sha256 } from "../../engine/oci/digest.ts";
import { FaultProxy, type SeenRequest } from "../support/fault-proxy.ts";
import { type LayerItems, run } from "../support/images-archives.ts";
import { type ImagesEngine, leftovers, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { pullOf, putLayers } from "../support/images-registry.ts";
import { imagesDirectory } from "../support/images-tar.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { tempRoot } from "../support/temp-root.ts";

const puller = join(import.meta.dirname, "../support/images-puller.ts");
const size = 3_000_000;
const layers: readonly LayerItems[] = [[["big", randomBytes(size)]], [["small", "s"]]];

let registry: TestRegistry;
let proxy: FaultProxy;
let put: Awaited<ReturnType<typeof putLayers>>;
let bigDigest: string;
let reference: string;

beforeAll(async () => {
  registry = await startRegistry();
  proxy = await FaultProxy.start(registry.url);
  put = await putLayers(registry, "web", layers);
  bigDigest = sha256(put.blobs[0]?.bytes ?? Buffer.of());
  reference = `${proxy.address}/web:latest`;
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

beforeEach(() => {
  proxy.requests.length = 0;
  proxy.fault = () => null;
});

const isBig = ({ method, url }: SeenRequest): boolean => method === "GET" && url.endsWith(bigDigest);
const pull = (engine: ImagesEngine, work: Partial<LongWork> = {}) =>
  engine.images.pull(pullOf(reference), { ...quietWork, ...work });
const bigRanges = (): (string | undefined)[] => proxy.requests.filter(isBig).map(({ headers }) => headers.range);
const ingests = ({ root }: { root: string }): string[] => readdirSync(join(root, "blobs/ingest"));

/** Resolves when the download of the large layer has come so far. */
async function bytesCome(root: string, bytes: number): Promise<void> {
  const path = join(root, "blobs/ingest", bigDigest.slice(7));
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(5)) {
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= bytes) return;
  }
  throw new Error(`the download did not come to ${bytes} bytes`);
}

it("goes on after kill -9 of the engine, and does not fetch again what is there", async () => {
  await using directory = await imagesDirectory();
  proxy.fault = (request, count) => (isBig(request) && count === 1 ? { type: "hang", after: 2_200_000 } : null);
  const child = spawn(process.execPath, [puller, directory.path, reference], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await bytesCome(directory.path, 2_000_000);
  const small = join(directory.path, "blobs/sha256", sha256(put.blobs[1]?.bytes ?? Buffer.of()).slice(7));
  while (!existsSync(small)) await sleep(5);
  child.kill("SIGKILL");
  await once(child, "close");

  proxy.requests.length = 0;
  await using engine = await openImagesEngine(directory.path);
  expect(engine.images.list()).toEqual([]);
  await pull(engine);
  expect(bigRanges()).toEqual([expect.stringMatching(/^bytes=2\d{6}-/)]);
  const others = proxy.seen("GET", "/blobs/").filter((request) => !isBig(request));
  expect(others.map(({ url }) => url.slice(-71))).toEqual([sha256(put.config)]);
  await engine.images.remove(reference, false);
  expect(await leftovers(engine)).toEqual([]);
});

it("keeps what a cancelled pull has got until it is pulled again, or pruned", async () => {
  await using engine = await openImagesEngine();
  const hang = (request: SeenRequest, count: number) =>
    isBig(request) && count === 1 ? ({ type: "hang", after: 2_200_000 } as const) : null;
  proxy.fault = hang;
  const abort = new AbortController();
  const pulling = pull(engine, { signal: abort.signal });
  await bytesCome(engine.root, 2_000_000);
  abort.abort();
  await expect(pulling).rejects.toMatchObject({ code: "cancelled", message: `pull of ${reference} was cancelled` });
  expect(engine.operations.list()).toEqual([]);
  expect(ingests(engine)).toContain(bigDigest.slice(7));
  // Another image comes and goes: its sweep passes by.
  await putLayers(registry, "other", [[["a", "a"]]]);
  await engine.images.pull(pullOf(`${registry.address}/other`), quietWork);
  await engine.images.remove(`${registry.address}/other`, false);
  expect(ingests(engine)).toContain(bigDigest.slice(7));

  proxy.fault = () => null;
  proxy.requests.length = 0;
  await pull(engine);
  expect(bigRanges()).toEqual([expect.stringMatching(/^bytes=2\d{6}-/)]);
  await engine.images.remove(reference, false);
  expect(await leftovers(engine)).toEqual([]);

  proxy.requests.length = 0;
  proxy.fault = hang;
  const again = new AbortController();
  const second = pull(engine, { signal: again.signal });
  await bytesCome(engine.root, 1_000_000);
  again.abort();
  await expect(second).rejects.toMatchObject({ code: "cancelled" });
  await engine.images.prune({ all: false, until: null, labels: [] }, false);
  expect(await leftovers(engine)).toEqual([]);
});

it("ends leases a day after their pull was interrupted, also while no engine ran", async () => {
  await using directory = await imagesDirectory();
  {
    await using engine = await openImagesEngine(directory.path);
    proxy.fault = (request) => (isBig(request) ? { type: "answer", status: 404, body: "gone" } : null);
    await expect(pull(engine)).rejects.toMatchObject({ code: "not-found" });
    expect(engine.database.prepare("SELECT count(*) AS count FROM leases").get()).toEqual({ count: 1 });
    engine.database.prepare("UPDATE leases SET expires_at = ?").run(new Date(Date.now() - 1).toISOString());
  }
  await using engine = await openImagesEngine(directory.path);
  expect(await leftovers(engine)).toEqual([]);
});

it("frees the space of an image that is removed while a pull goes on", async () => {
  await using engine = await openImagesEngine();
  await putLayers(registry, "old", [[["old", randomBytes(100_000)]]]);
  const old = `${registry.address}/old:latest`;
  await engine.images.pull(pullOf(old), quietWork);
  const held = await engine.blobs.list();
  proxy.fault = (request, count) => (isBig(request) && count === 1 ? { type: "hang", after: 2_000_000 } : null);
  const abort = new AbortController();
  const pulling = pull(engine, { signal: abort.signal });
  await bytesCome(engine.root, 1_000_000);
  await engine.images.remove(old, false);
  for (const digest of held) expect(await engine.blobs.has(digest)).toBe(false);
  abort.abort();
  await expect(pulling).rejects.toMatchObject({ code: "cancelled" });
});

it("says when the disk is full, gives the space back, and succeeds where there is more", async () => {
  await using place = await tempRoot();
  const root = place.join("root");
  mkdirSync(root);
  run("mount", "-t", "tmpfs", "-o", "size=12m", "none", root);
  await putLayers(registry, "large", [[["one", randomBytes(5_000_000)]], [["two", randomBytes(5_000_000)]]]);
  await using engine = await openImagesEngine(root);
  const large = pullOf(`${registry.address}/large`);
  await expect(engine.images.pull(large, quietWork)).rejects.toMatchObject({ code: "resource-exhausted" });
  expect(await leftovers(engine)).toEqual([]);
  run("mount", "-o", "remount,size=64m", root);
  expect(await engine.images.pull(large, quietWork)).toMatchObject([{ isNew: true }]);
});

describe("two clients", () => {
  it("share each download, and one's cancel does not hurt the other", async () => {
    await using engine = await openImagesEngine(undefined, { silence: 1_500 });
    const hasJoined = Promise.withResolvers<void>();
    const abort = new AbortController();
    proxy.fault = (request, count) => (isBig(request) && count === 1 ? { type: "hang", after: 1_500_000 } : null);
    const first = pull(engine, { signal: abort.signal });
    await bytesCome(engine.root, 1_000_000);
    const second = pull(engine, {
      onProgress: ({ parts }) => {
        if (parts?.[0]?.phase === "downloading") hasJoined.resolve();
      },
    });
    await hasJoined.promise;
    abort.abort();
    await expect(first).rejects.toMatchObject({ code: "cancelled" });
    const [pulled] = await second;
    expect(pulled?.isNew).toBe(true);
    // From its start once, and on from where the registry fell silent.
    expect(bigRanges()).toEqual([undefined, "bytes=1500000-"]);
    await engine.images.remove(reference, false);
    expect(ingests(engine)).toEqual([]);
  });

  it("can cancel each other's pulls by the operation", async () => {
    await using engine = await openImagesEngine();
    proxy.fault = (request) => (isBig(request) ? { type: "hang", after: 100_000 } : null);
    const pulling = pull(engine);
    while (engine.operations.list()[0]?.progress == null) await sleep(5);
    const [operation] = engine.operations.list();
    expect(operation).toMatchObject({ kind: "pull", title: `pull ${reference}`, isCancellable: true });
    expect(operation?.progress?.parts).toHaveLength(2);
    engine.operations.cancel(operation?.id ?? "");
    await expect(pulling).rejects.toMatchObject({ code: "cancelled" });
    expect(() => engine.operations.cancel(operation?.id ?? "")).toThrow(/no such operation/);
  });
});

describe("wrong bytes", () => {
  /** Answers for the large layer with other bytes of the same length. */
  const lie = (times: number) => {
    const body = Buffer.alloc(put.blobs[0]?.bytes.length ?? 0, 7);
    proxy.fault = (request, count) => (isBig(request) && count <= times ? { type: "answer", status: 200, body } : null);
  };

  it("leave no image, no layer and no file of theirs; the same command then succeeds", async () => {
    await using engine = await openImagesEngine();
    lie(1);
    await expect(pull(engine)).rejects.toMatchObject({ code: "corrupt" });
    // The other layer's download may have been interrupted by that, and stays.
    expect(ingests(engine)).not.toContain(bigDigest.slice(7));
    expect(engine.images.list()).toEqual([]);
    proxy.requests.length = 0;
    proxy.fault = () => null;
    await pull(engine);
    expect(bigRanges()).toEqual([undefined]);
  });

  it("of an interrupted download are dropped, and the blob is fetched from its start", async () => {
    await using engine = await openImagesEngine();
    proxy.fault = (request) => (isBig(request) ? { type: "answer", status: 404, body: "gone" } : null);
    await expect(pull(engine)).rejects.toMatchObject({ code: "not-found" });
    writeFileSync(join(engine.root, "blobs/ingest", bigDigest.slice(7)), Buffer.alloc(1_000_000, 1));
    proxy.fault = () => null;
    proxy.requests.length = 0;
    await pull(engine);
    expect(bigRanges()).toEqual([expect.stringMatching(/^bytes=1000000-/), undefined]);
    expect(readFileSync(engine.blobs.pathOf(bigDigest as never)).equals(put.blobs[0]?.bytes ?? Buffer.of())).toBe(true);
  });

  it.each(["shorter", "changed"])("of a blob on the disk (%s) are replaced by a new pull", async (how) => {
    await using engine = await openImagesEngine();
    await pull(engine);
    await engine.images.tag(reference, "kept:1");
    const path = engine.blobs.pathOf(bigDigest as never);
    chmodSync(path, 0o644);
    if (how === "shorter") truncateSync(path, 1000);
    else writeFileSync(path, Buffer.alloc(put.blobs[0]?.bytes.length ?? 0, 1));
    // Nobody has its unpacked form either.
    await engine.layers.sweep([]);
    await pull(engine);
    expect(readFileSync(path).equals(put.blobs[0]?.bytes ?? Buffer.of())).toBe(true);
    expect(engine.layers.find(engine.images.resolve(reference).chain)).not.toBeNull();
  });

  it("in a manifest that names layers of another image are found out", async () => {
    await using engine = await openImagesEngine();
    const other = await putLayers(registry, "mixed", [[["other", "o"]], [["small", "s"]]]);
    const blobs = [other.blobs[1], other.blobs[0]].flatMap((blob) => blob ?? []);
    await registry.putImage("mixed", "latest", { layers: blobs, config: other.config });
    const mixed = engine.images.pull(pullOf(`${registry.address}/mixed`), quietWork);
    await expect(mixed).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("layer digest mismatch"),
    });
    // The one that was found out later is what its digest says, as far as it came.
    expect(ingests(engine).length).toBeLessThan(2);
    expect(engine.images.list()).toEqual([]);
  });
});
