import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BuildCache } from "../../engine/builder/cache/build-cache.ts";
import { openBuildCache } from "../../engine/builder/cache/local-build-cache.ts";
import { openCacheMounts } from "../../engine/builder/run/cache-mounts.ts";
import { type DiffID, type Digest, sha256 } from "../../engine/oci/digest.ts";
import { type ImagesEngine, openImagesEngine } from "../support/images-engine.ts";
import { imagesDirectory } from "../support/images-tar.ts";

let root: Awaited<ReturnType<typeof imagesDirectory>>;
let engine: ImagesEngine;
let cache: BuildCache;
const { signal } = new AbortController();
const key = (name: string): Digest => sha256(name);
const createdAt = "2026-01-01T00:00:00.000Z";

beforeEach(async () => {
  root = await imagesDirectory();
  await open();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await root[Symbol.asyncDispose]();
});

async function open(limit: number | null = null): Promise<void> {
  engine = await openImagesEngine(root.path, {}, async (parts) => {
    cache = await openBuildCache({ ...parts, root: root.path, limit });
    return () => cache.chains();
  });
}

async function reopen(limit: number | null = null): Promise<void> {
  await cache[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  await open(limit);
}

let steps = 0;

/** A step that writes a file of this many bytes, and its entry. */
async function put(name: string, below: readonly DiffID[], size: number): Promise<DiffID[]> {
  const writable = `step-${steps++}`;
  await engine.layers.prepare(writable, below);
  writeFileSync(join(await engine.layers.mount(writable, { isVolatile: true }), name), Buffer.alloc(size));
  using layer = await engine.layers.commit(writable, { signal });
  if (layer === null) throw new Error("nothing was changed");
  const chain = [...below, layer.diffID];
  await cache.put(key(name), { chain, size: layer.size, createdAt }, `RUN ${name}`);
  return chain;
}

async function sweep(): Promise<void> {
  await engine.images.prune({ all: false, until: null, labels: [] }, false);
}

const everything = { all: true, keepStorage: null, until: null, types: [], ids: [] };
const has = (chain: readonly DiffID[]) => !engine.layers.findAll(chain).includes(null);

describe("the build cache", () => {
  it("keeps its layers from sweeps, over restarts of the engine", async () => {
    const chain = await put("two", await put("one", [], 10), 20);
    await sweep();
    await reopen();
    await sweep();
    using found = await cache.find(key("two"));
    expect(found).toMatchObject({ chain, size: 20, createdAt });
    expect(await cache.find(key("three"))).toBeNull();
    expect(cache.chains()).toEqual([chain]);
    expect((await engine.images.fsck(false, { signal, onProgress: () => {} })).findings).toEqual([]);
  });

  it("forgets what has lost its layers", async () => {
    const chain = await put("one", [], 10);
    await engine.layers.upkeep.discard(String(engine.layers.upkeep.namesOf(chain)[0]));
    expect(await cache.find(key("one"))).toBeNull();
    expect(cache.chains()).toEqual([]);
    await reopen();
    expect(await cache.usage()).toEqual([]);
  });

  it("holds what was found until nobody uses it", async () => {
    const chain = await put("one", [], 10);
    const found = await cache.find(key("one"));
    expect(await cache.prune(everything)).toEqual({ removed: [], bytes: 0 });
    expect(await cache.usage()).toMatchObject([{ inUse: true }]);
    await sweep();
    expect(has(chain)).toBe(true);
    found?.[Symbol.dispose]();
    const id = String((await cache.usage())[0]?.id);
    expect(await cache.prune(everything)).toEqual({ removed: [id], bytes: 10 });
    await sweep();
    expect(has(chain)).toBe(false);
  });

  it("keeps to its limit, the last used first", async () => {
    await reopen(30);
    const one = await put("one", [], 10);
    const two = await put("two", one, 10);
    const old = await put("old", [], 15);
    (await cache.find(key("two")))?.[Symbol.dispose]();
    await cache.collect();
    await sweep();
    expect([has(two), has(old)]).toEqual([true, false]);
    expect((await cache.usage()).map(({ description }) => description).sort()).toEqual(["RUN one", "RUN two"]);
  });

  it("tells of its entries as docker does", async () => {
    const one = await put("one", [], 10);
    const two = await put("two", one, 20);
    await engine.images.assemble({ config: { os: "linux" }, chain: one, references: ["app"] });
    (await cache.find(key("two")))?.[Symbol.dispose]();
    await cache.put(key("nothing"), { chain: two, size: 0, createdAt }, "RUN true");
    const rows = await cache.usage();
    expect(rows).toMatchObject([
      { type: "regular", description: "RUN one", shared: true, size: 10, parents: [], usageCount: 0, lastUsedAt: null },
      { description: "RUN two", shared: false, inUse: false, size: 20, parents: [rows[0]?.id], usageCount: 1 },
      { description: "RUN true", size: 0, parents: [] },
    ]);
    expect(rows.every(({ id }) => /^[0-9a-f]{25}$/.test(id))).toBe(true);
  });

  it("prunes what it is asked to", async () => {
    const shared = await put("shared", [], 10);
    await engine.images.assemble({ config: { os: "linux" }, chain: shared, references: ["app"] });
    await put("one", [], 10);
    await put("two", [], 20);
    const rows = await cache.usage();
    const idOf = (name: string) => String(rows.find(({ description }) => description === `RUN ${name}`)?.id);
    const nothing = { ...everything, all: false };
    expect(await cache.prune({ ...nothing, types: ["exec.cachemount"] })).toEqual({ removed: [], bytes: 0 });
    expect(await cache.prune({ ...nothing, until: "2020-01-01T00:00:00Z" })).toEqual({ removed: [], bytes: 0 });
    expect(await cache.prune({ ...nothing, ids: [idOf("one")] })).toEqual({ removed: [idOf("one")], bytes: 10 });
    expect(await cache.prune({ ...nothing, keepStorage: 20 })).toEqual({ removed: [], bytes: 0 });
    expect(await cache.prune(nothing)).toEqual({ removed: [idOf("two")], bytes: 20 });
    expect(await cache.prune(everything)).toEqual({ removed: [idOf("shared")], bytes: 0 });
  });

  it("counts cache mounts of RUN", async () => {
    const mounts = await openCacheMounts({ root: root.path });
    const mount = { type: "cache", target: "/cache", id: "", from: null, source: "", sharing: "shared" } as const;
    const owner = { mode: 0o755, uid: 0, gid: 0, readOnly: false };
    {
      await using opened = await mounts.open({ ...mount, ...owner }, null, signal);
      writeFileSync(join(opened.path, "file"), Buffer.alloc(50_000, 1));
      expect(await cache.prune(everything)).toEqual({ removed: [], bytes: 0 });
    }
    const [row] = await cache.usage();
    expect(row).toMatchObject({ type: "exec.cachemount", inUse: false });
    const pruned = await cache.prune({ ...everything, all: false });
    expect(pruned).toEqual({ removed: [row?.id], bytes: row?.size });
    expect(pruned.bytes).toBeGreaterThanOrEqual(50_000);
    expect(await cache.usage()).toEqual([]);
  });
});
