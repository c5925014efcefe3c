import { randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFileBrowser } from "../../engine/layers/files/file-browser.ts";
import { type Digest, hexOf, sha256 } from "../../engine/oci/digest.ts";
import type { FsckFinding } from "../../engine/protocol/upkeep.ts";
import { dockerArchive, type LayerItems } from "../support/images-archives.ts";
import { type ImagesEngine, leftovers, openImagesEngine, quietWork } from "../support/images-engine.ts";
import { pullOf, putLayers } from "../support/images-registry.ts";
import { chunksOf, imagesDirectory, tarOf } from "../support/images-tar.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const layers: readonly LayerItems[] = [
  [
    ["etc/", { type: "directory", mode: 0o755 }],
    ["etc/motd", "hello\n"],
    ["big", randomBytes(1_500_000)],
    ["link", { type: "symlink", linkname: "etc/motd" }],
    ["hard", { type: "link", linkname: "big" }],
    ["old", "goes"],
  ],
  [
    [".wh.old", ""],
    ["etc/.wh..wh..opq", ""],
    ["etc/issue", "new\n"],
    ["twice", "first"],
    ["twice", "second!"],
  ],
];

let registry: TestRegistry;
let put: Awaited<ReturnType<typeof putLayers>>;
let reference: string;

beforeAll(async () => {
  registry = await startRegistry();
  put = await putLayers(registry, "web", layers, { compression: "gzip" });
  reference = `${registry.address}/web:latest`;
});
afterAll(() => registry[Symbol.asyncDispose]());

const pull = (engine: ImagesEngine) => engine.images.pull(pullOf(reference), quietWork);
const fsck = async (engine: ImagesEngine, repair = false): Promise<FsckFinding[]> =>
  (await engine.images.fsck(repair, quietWork)).findings;
const blobPath = (engine: ImagesEngine, index: number): string =>
  engine.blobs.pathOf(sha256(put.blobs[index]?.bytes ?? Buffer.of()));
const layerPath = (engine: ImagesEngine, index: number): string =>
  engine.layers.pathOf(engine.images.resolve(reference).chain.slice(0, index + 1));

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

it("finds nothing wrong in a store that is whole", async () => {
  await using engine = await openImagesEngine();
  await pull(engine);
  const archive = await tarOf(await dockerArchive([[["a", "a"]], [["b", randomBytes(100_000)]]], "example/loaded:1"));
  await engine.images.load(chunksOf(archive), quietWork);
  const report = await engine.images.fsck(false, quietWork);
  expect(report.findings).toEqual([]);
  expect(report).toMatchObject({ images: 2, layers: 4 });
  expect(report.bytes).toBeGreaterThan(1_600_000);
});

/** What a repair of this says and does: found once, repaired, and clean after the same image was pulled again. */
async function expectRepaired(engine: ImagesEngine, expected: Partial<Record<keyof FsckFinding, unknown>>[]) {
  const wanted = expected.map((finding) => expect.objectContaining(finding));
  expect(await fsck(engine)).toEqual(wanted);
  expect(await fsck(engine, true)).toEqual(wanted);
  await pull(engine);
  expect(await fsck(engine)).toEqual([]);
}

const damages: readonly (readonly [damage: (fs: string) => void, problem: RegExp])[] = [
  [(fs) => flip(join(fs, "big")), /^\/big has other bytes$/],
  [(fs) => rmSync(join(fs, "etc/motd")), /^\/etc\/motd is missing$/],
  [(fs) => truncateSync(join(fs, "big"), 100), /^\/big has 100 bytes instead of 1500000; and 1 more such/],
  [(fs) => chmodSync(join(fs, "etc/motd"), 0o4755), /^\/etc\/motd has the mode 4755 instead of 644$/],
  [(fs) => lchownSync(join(fs, "link"), 7, 8), /^\/link belongs to 7:8 instead of 0:0$/],
  [(fs) => writeFileSync(join(fs, "etc/new"), ""), /^\/etc\/new is not part of the layer$/],
  [(fs) => replace(join(fs, "link"), (path) => symlinkSync("/etc/shadow", path)), /^\/link leads elsewhere$/],
  [(fs) => replace(join(fs, "hard"), (path) => copyFileSync(join(fs, "big"), path)), /^\/hard is no hard link/],
  [(fs) => replace(join(fs, "old"), (path) => mkdirSync(path)), /^\/old is a directory, not a file$/],
];

function replace(path: string, make: (path: string) => void): void {
  rmSync(path, { recursive: true });
  make(path);
}

describe("a layer", () => {
  it("that is not what its tar makes is unpacked anew", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    const { chain } = engine.images.resolve(reference);
    for (const [damage, problem] of damages) {
      damage(layerPath(engine, 0));
      const finding = { kind: "layer", object: chain[0], problem: expect.stringMatching(problem) };
      const repair = "unpacked anew";
      expect(await fsck(engine)).toEqual([expect.objectContaining({ ...finding, repair })]);
      expect(await fsck(engine, true)).toEqual([expect.objectContaining({ ...finding, repair })]);
    }
    expect(await fsck(engine)).toEqual([]);
    expect(readFileSync(join(layerPath(engine, 0), "etc/motd"), "utf8")).toBe("hello\n");
  });

  it("that hides too much or too little is unpacked anew", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    const fs = layerPath(engine, 1);
    expect(lstatSync(join(fs, "old")).isCharacterDevice()).toBe(true);
    rmSync(join(fs, "old"));
    expect(await fsck(engine, true)).toMatchObject([{ problem: expect.stringMatching(/^\/old is missing/) }]);
    renameSync(join(fs, "etc"), join(fs, "other"));
    mkdirSync(join(fs, "etc"));
    renameSync(join(fs, "other/issue"), join(fs, "etc/issue"));
    rmSync(join(fs, "other"), { recursive: true });
    const problem = "/etc hides other things of the layers below";
    expect(await fsck(engine, true)).toMatchObject([{ problem, repair: "unpacked anew" }]);
    expect(await fsck(engine)).toEqual([]);
  });

  it("without a whole blob goes, and comes back with a pull", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    flip(join(layerPath(engine, 0), "big"));
    flip(blobPath(engine, 0));
    truncateSync(join(layerPath(engine, 0), "big"), 5);
    const { chain } = engine.images.resolve(reference);
    await expectRepaired(engine, [
      { kind: "layer", object: chain[0], repair: `removed; pull ${reference}, or load it, again` },
      { kind: "blob", problem: expect.stringMatching(/^was damaged on disk: its bytes hash to sha256:/) },
    ]);
  });

  it("whose tar is not kept is compared with what was listed when it was new", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    const view = { layers: { chain: engine.images.resolve(reference).chain }, layer: null, view: "upTo" } as const;
    const list = async () => {
      rmSync(join(engine.root, "cache/files"), { recursive: true, force: true });
      await using files = await openFileBrowser({ root: engine.root, layers: engine.layers });
      await files.waste(view, 1, quietWork.signal);
    };
    await list();
    const fs = layerPath(engine, 0);
    expect(existsSync(join(dirname(fs), "files-1.idx"))).toBe(true);
    engine.database.exec("UPDATE image_layers SET blob_digest = NULL");
    expect((await fsck(engine, true)).every(({ problem }) => problem.startsWith("no image"))).toBe(true);
    expect(await fsck(engine)).toEqual([]);
    const changes: readonly (readonly [() => void, RegExp])[] = [
      [() => flip(join(fs, "etc/motd")), /^\/etc\/motd was changed$/],
      [() => rmSync(join(fs, "hard")), /^\/(big|hard|) (is missing|was changed)/],
      [
        () => writeFileSync(join(fs, "etc/added"), "x"),
        /\/etc\/added is not part of the layer|^\/etc was changed; and/,
      ],
    ];
    for (const [change, problem] of changes) {
      change();
      expect(await fsck(engine)).toMatchObject([{ kind: "layer", problem: expect.stringMatching(problem) }]);
      expect(await fsck(engine, true)).toMatchObject([{ repair: `removed; pull ${reference}, or load it, again` }]);
      await pull(engine);
      engine.database.exec("UPDATE image_layers SET blob_digest = NULL");
      await fsck(engine, true);
      await list();
    }
    expect(await fsck(engine)).toEqual([]);
  });

  it("whose record or directory is lost is unpacked anew", async () => {
    await using directory = await imagesDirectory();
    let paths: string[] = [];
    {
      await using engine = await openImagesEngine(directory.path);
      await pull(engine);
      paths = [layerPath(engine, 0), layerPath(engine, 1)].map((path) => dirname(path));
    }
    rmSync(paths[0] ?? "", { recursive: true });
    writeFileSync(join(paths[1] ?? "", "layer.json"), "{");
    mkdirSync(join(directory.path, "layers", "0".repeat(64)));
    await using engine = await openImagesEngine(directory.path);
    const findings = await fsck(engine, true);
    expect(findings.map(({ problem, repair }) => `${problem}: ${repair}`)).toEqual([
      "is not unpacked: unpacked anew",
      "is not unpacked: unpacked anew",
      "is a directory without a record: removed",
    ]);
    expect(await fsck(engine)).toEqual([]);
  });

  it("that a mounted container stands on is left alone", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    const { id, chain } = engine.images.resolve(reference);
    const container = "c".repeat(64);
    engine.useImage(id, container);
    await engine.layers.prepare(container, chain);
    await engine.layers.mount(container);
    chmodSync(join(layerPath(engine, 0), "big"), 0o600);
    const hint = expect.stringMatching(/^stop container c+, then run `gantry engine fsck --repair` again$/);
    expect(await fsck(engine, true)).toMatchObject([{ kind: "layer", repair: "", hint }]);
    await engine.layers.unmount(container);
    expect(await fsck(engine, true)).toMatchObject([{ kind: "layer", repair: "unpacked anew" }]);
    await engine.layers.remove(container);
  });
});

describe("a blob", () => {
  it("of a layer comes back with a pull, byte by byte", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    flip(blobPath(engine, 0));
    const object = sha256(put.blobs[0]?.bytes ?? Buffer.of());
    await expectRepaired(engine, [{ kind: "blob", object, repair: `removed; pull ${reference}, or load it, again` }]);
    expect(readFileSync(blobPath(engine, 0)).equals(put.blobs[0]?.bytes ?? Buffer.of())).toBe(true);
  });

  it("that is lost is missed until it was pulled again", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    rmSync(blobPath(engine, 0));
    expect(await fsck(engine, true)).toMatchObject([
      { kind: "blob", repair: "", hint: expect.stringContaining("pull") },
    ]);
    await pull(engine);
    expect(await fsck(engine)).toEqual([]);
  });

  it("with the config takes the names away, and a pull brings all back without its layers", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    flip(engine.blobs.pathOf(engine.images.resolve(reference).id));
    expect(await fsck(engine, true)).toMatchObject([
      { kind: "image", object: reference, repair: `its names were removed; pull ${reference}, or load it, again` },
    ]);
    expect(() => engine.images.resolve(reference)).toThrow(/no such image/);
    const parts = new Set<string>();
    await engine.images.pull(pullOf(reference), {
      ...quietWork,
      onProgress: (step) => step.parts?.forEach(({ phase }) => void parts.add(phase)),
    });
    expect(parts).not.toContain("downloading");
    expect(await fsck(engine)).toEqual([]);
    await engine.images.remove(reference, false);
    expect(await leftovers(engine)).toEqual([]);
  });

  it("with the manifest is forgotten, and comes back with a pull", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    flip(engine.blobs.pathOf(put.manifest.digest as Digest));
    await expectRepaired(engine, [
      { kind: "image", object: reference, problem: expect.stringMatching(/^its manifest/) },
    ]);
    await expect(engine.blobs.has(put.manifest.digest as Digest)).resolves.toBe(true);
  });

  it("that nobody needs, finished or not, goes", async () => {
    await using engine = await openImagesEngine();
    await pull(engine);
    writeFileSync(engine.blobs.pathOf(sha256("stray")), "stray");
    writeFileSync(join(engine.root, "blobs/ingest", hexOf(sha256("half"))), "ha");
    engine.database.exec("INSERT INTO leases VALUES ('x', 'pull', 'nothing', '2026-01-01T00:00:00Z', NULL)");
    expect((await fsck(engine)).map(({ object }) => object)).toEqual([
      "lease of nothing",
      sha256("stray"),
      hexOf(sha256("half")),
    ]);
    await fsck(engine, true);
    expect(await fsck(engine)).toEqual([]);
  });
});

it("finds rows that speak of what is not there", async () => {
  await using engine = await openImagesEngine();
  await pull(engine);
  engine.database.exec(`PRAGMA foreign_keys = OFF;
    INSERT INTO image_references VALUES ('docker.io/library/lost:1', 'sha256:none');
    PRAGMA foreign_keys = ON`);
  expect(await fsck(engine, true)).toMatchObject([{ kind: "database", object: "image_references", repair: "removed" }]);
  expect(await fsck(engine)).toEqual([]);
});

it("can be cancelled, and does not hold up anybody", async () => {
  await using engine = await openImagesEngine();
  await putLayers(registry, "large", [[["large", randomBytes(30_000_000)]]], { compression: "none" });
  const large = `${registry.address}/large:latest`;
  await engine.images.pull(pullOf(large), quietWork);
  const watch = monitorEventLoopDelay({ resolution: 5 });
  watch.enable();
  await fsck(engine);
  watch.disable();
  expect(watch.max / 1e6).toBeLessThan(150);
  const abort = new AbortController();
  const checking = engine.images.fsck(false, { signal: abort.signal, onProgress: () => abort.abort() });
  await expect(checking).rejects.toMatchObject({ code: "cancelled" });
  expect(engine.operations.list()).toEqual([]);
  expect(existsSync(layerPathOf(engine, large))).toBe(true);
  // What is removed while it is looked at goes all the same.
  const second = fsck(engine);
  await engine.images.remove(large, false);
  expect(await second).toEqual([]);
  await fsck(engine);
  expect(await leftovers(engine)).toEqual([]);
});

const layerPathOf = (engine: ImagesEngine, name: string): string =>
  engine.layers.pathOf(engine.images.resolve(name).chain);
