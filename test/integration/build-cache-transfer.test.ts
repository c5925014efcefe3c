import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ExportedStep, exportCache } from "../../engine/builder/cache/export-cache.ts";
import { openImportedCache } from "../../engine/builder/cache/import-cache.ts";
import { type DiffID, type Digest, hexOf, sha256 } from "../../engine/oci/digest.ts";
import type { CacheExport, CacheLocation } from "../../engine/protocol/builds.ts";
import { type ImagesEngine, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { saved } from "../support/images-save.ts";
import { chunksOf } from "../support/images-tar.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

const { signal } = new AbortController();
const key = (name: string): Digest => sha256(name);
const createdAt = "2026-01-01T00:00:00.000Z";

let root: TempRoot;
let engine: ImagesEngine;
let registry: TestRegistry;
let steps: ExportedStep[];
let held: DisposableStack;

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry[Symbol.asyncDispose]());
beforeEach(async () => {
  root = await tempRoot();
  mkdirSync(root.join("scratch"));
  engine = await openImagesEngine();
  steps = [];
  held = new DisposableStack();
});
afterEach(async () => {
  held.dispose();
  await engine[Symbol.asyncDispose]();
  await root[Symbol.asyncDispose]();
});

const partsOf = ({ layers, registries }: ImagesEngine) => ({
  ...{ layers, registries, scratch: root.join("scratch") },
  credentialsFor: () => null,
});

async function step(name: string, below: readonly DiffID[], work: (rootfs: string) => void): Promise<DiffID[]> {
  await engine.layers.prepare("step", below);
  work(await engine.layers.mount("step", { isVolatile: true }));
  const layer = await engine.layers.commit("step", { signal });
  const chain = layer === null ? [...below] : [...below, held.use(layer).diffID];
  const made = { key: key(name), chain, size: layer?.size ?? 0, createdAt, before: below.length, description: name };
  steps.push(made);
  return chain;
}

/** Two stages: the result stands on `one` and `two`, and `other` is of another one. */
async function build(): Promise<DiffID[]> {
  const one = await step("one", [], (rootfs) => {
    mkdirSync(join(rootfs, "dir"));
    writeFileSync(join(rootfs, "dir/one"), "one");
    writeFileSync(join(rootfs, "gone"), "gone");
  });
  const two = await step("two", one, (rootfs) => {
    rmSync(join(rootfs, "gone"));
    writeFileSync(join(rootfs, "dir/two"), "two");
  });
  const nothing = await step("nothing", two, () => {});
  await step("other", [], (rootfs) => writeFileSync(join(rootfs, "other"), "other"));
  return nothing;
}

const send = (target: CacheExport, chain: readonly DiffID[]) =>
  exportCache(target, { steps, chain }, partsOf(engine), { signal, onNote: () => {} });

async function receive(other: ImagesEngine, ...locations: CacheLocation[]) {
  const notes: string[] = [];
  const work = { signal, onNote: (note: string) => void notes.push(note) };
  return { cache: await openImportedCache(locations, partsOf(other), work), notes };
}

const places: [string, () => CacheLocation][] = [
  ["a directory", () => ({ type: "local", path: root.join("cache") })],
  ["a registry", () => ({ type: "registry", reference: `${registry.address}/team/cache:${Date.now()}` })],
];

describe.each(places)("a build cache in %s", (_, place) => {
  it("gives another engine what steps have made", async () => {
    const location = place();
    const chain = await build();
    await send({ ...location, mode: "max" }, chain);
    await using other = await openImagesEngine();
    const { cache, notes } = await receive(other, location);
    expect(other.layers.upkeep.list()).toEqual([]);
    using two = await cache.find(key("two"));
    expect(two).toMatchObject({ chain, createdAt, size: 3 });
    using nothing = await cache.find(key("nothing"));
    expect(nothing).toMatchObject({ chain, size: 0 });
    using unrelated = await cache.find(key("other"));
    expect(unrelated?.chain).toHaveLength(1);
    expect(await cache.find(key("unknown"))).toBeNull();
    expect(notes).toEqual([]);
    await other.layers.sweep([]);
    await other.layers.prepare("seen", chain);
    const rootfs = await other.layers.mount("seen");
    expect(readdirSync(rootfs)).toEqual(["dir"]);
    expect(readdirSync(join(rootfs, "dir")).sort()).toEqual(["one", "two"]);
    await other.layers.remove("seen");
    expect(readdirSync(root.join("scratch"))).toEqual([]);
    const { id } = await other.images.assemble({ config: { os: "linux" }, chain, references: ["app"] });
    await engine.images.load(chunksOf(await saved(other, ["app"])), quietWork);
    expect(engine.images.resolve("app").id).toBe(id);
  });

  it("has only what the result stands on, unless all is asked for", async () => {
    const location = place();
    const chain = await build();
    await send({ ...location, mode: "min" }, chain);
    await using other = await openImagesEngine();
    const { cache } = await receive(other, location);
    expect(await cache.find(key("other"))).toBeNull();
    using one = await cache.find(key("one"));
    expect(one?.chain).toEqual(chain.slice(0, 1));
  });

  it("is written again without packing what is there", async () => {
    const location = place();
    const chain = await build();
    await send({ ...location, mode: "max" }, chain);
    // What is not here any more cannot be packed.
    held.dispose();
    await engine.layers.sweep([]);
    await send({ ...location, mode: "max" }, chain);
    await using other = await openImagesEngine();
    using two = await (await receive(other, location)).cache.find(key("two"));
    expect(two?.chain).toEqual(chain);
  });
});

it("is whose the directory is that it lies in", async () => {
  mkdirSync(root.join("home"));
  chownSync(root.join("home"), 1234, 2345);
  await send({ type: "local", path: root.join("home/new/cache"), mode: "max" }, await build());
  const owners = readdirSync(root.join("home"), { recursive: true, encoding: "utf8" }).map((path) => {
    const { uid, gid } = lstatSync(root.join("home", path));
    return `${uid}:${gid}`;
  });
  expect(owners.length).toBeGreaterThan(5);
  expect(new Set(owners)).toEqual(new Set(["1234:2345"]));
});

describe("a cache from elsewhere", () => {
  const directory = () => root.join("cache");
  const location = () => ({ type: "local", path: directory() }) as const;
  const blob = (digest: string) => join(directory(), "blobs/sha256", digest.replace("sha256:", ""));
  const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  const manifestOf = () => read(blob(read(join(directory(), "index.json")).manifests[0].digest));

  beforeEach(async () => {
    await send({ ...location(), mode: "max" }, await build());
  });

  it("is told of where it cannot be read, and the build goes on", async () => {
    rmSync(blob(manifestOf().config.digest));
    const { cache, notes } = await receive(
      engine,
      location(),
      { type: "local", path: root.join("none") },
      { type: "registry", reference: `${registry.address}/none/none` },
    );
    expect(await cache.find(key("one"))).toBeNull();
    expect(notes).toHaveLength(3);
    expect(notes.slice(1)).toEqual([
      `${root.join("none")}: there is no cache`,
      `${registry.address}/none/none: there is no cache`,
    ]);
  });

  it("cannot give other layers than it names", async () => {
    const { layers } = manifestOf();
    for (const { digest } of layers) writeFileSync(blob(digest), "x".repeat(10));
    await using other = await openImagesEngine();
    const { cache, notes } = await receive(other, location());
    expect(await cache.find(key("two"))).toBeNull();
    expect(notes[0]).toContain("the tar is truncated");
    expect(other.layers.upkeep.list()).toEqual([]);
    expect(readdirSync(root.join("scratch"))).toEqual([]);
  });

  it("cannot swap the layers of its steps", async () => {
    const manifest = manifestOf();
    const swapped = { ...manifest, layers: manifest.layers.toReversed() };
    const bytes = JSON.stringify(swapped);
    writeFileSync(blob(sha256(bytes)), bytes);
    const index = read(join(directory(), "index.json"));
    index.manifests[0].digest = sha256(bytes);
    writeFileSync(join(directory(), "index.json"), JSON.stringify(index));
    await using other = await openImagesEngine();
    const { cache, notes } = await receive(other, location());
    expect(await cache.find(key("two"))).toBeNull();
    expect(notes[0]).toMatch(/layer digest mismatch/);
  });

  it("may be that of another builder, or nonsense", async () => {
    const index = read(join(directory(), "index.json"));
    const contents = [
      {
        schemaVersion: 2,
        config: { mediaType: "application/vnd.buildkit.cacheconfig.v0", digest: key("x"), size: 1 },
        layers: [],
      },
      { schemaVersion: 2 },
      [],
    ];
    for (const content of contents) {
      const bytes = JSON.stringify(content);
      writeFileSync(blob(sha256(bytes)), bytes);
      index.manifests[0].digest = sha256(bytes);
      writeFileSync(join(directory(), "index.json"), JSON.stringify(index));
      const { cache, notes } = await receive(engine, location());
      expect(await cache.find(key("one"))).toBeNull();
      expect(notes).toHaveLength(1);
    }
    writeFileSync(join(directory(), "index.json"), "{");
    expect((await receive(engine, location())).notes).toHaveLength(1);
    expect(hexOf(key("one"))).toHaveLength(64);
  });
});
