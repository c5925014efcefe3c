import { execFileSync, spawn } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { mount as mountCall } from "../../engine/host/syscalls.ts";
import type { LayerStore } from "../../engine/layers/layer-store.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
import { type LayerFiles, unpackStack } from "../support/layer-stack.ts";
import { type MadeTar, madeOf, sourceOf, type TarItem, tarOf } from "../support/tar-of.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let root: TempRoot;
let layers: LayerStore;
const signal = new AbortController().signal;

beforeEach(async () => {
  root = await tempRoot();
  layers = await openLayerStore({ root: root.join("engine") });
});
afterEach(async () => {
  await layers[Symbol.asyncDispose]();
  await root[Symbol.asyncDispose]();
});

const inLayers = () => readdirSync(root.join("engine/layers"));
const inContainers = () => readdirSync(root.join("engine/containers")).filter((name) => name !== ".empty");

const stack = (...tars: LayerFiles[]): Promise<DiffID[]> => unpackStack(layers, root.path, tars);

async function mounted(key: string, chain: readonly DiffID[]): Promise<string> {
  await layers.prepare(key, chain);
  return await layers.mount(key);
}

describe("read-only layers", () => {
  it("tells size and entries, and finds the layer again after a restart", async () => {
    const tar = tarOf([{ path: "a", data: "12345" }, { path: "b", type: "1", linkPath: "a" }, { path: "d/" }]);
    const layer = await layers.unpack([tar.diffID], sourceOf(tar, root.path), { signal });
    expect(layer).toMatchObject({ diffID: tar.diffID, digest: tar.diffID, size: 5, entries: 3 });
    await layers[Symbol.asyncDispose]();
    layers = await openLayerStore({ root: root.join("engine") });
    expect(layers.find([tar.diffID])).toEqual({ diffID: tar.diffID, size: 5, entries: 3 });
  });

  it("counts what was replaced once", async () => {
    const tar = tarOf([
      { path: "a", data: "12345" },
      { path: "a", data: "123" },
    ]);
    const layer = await layers.unpack([tar.diffID], sourceOf(tar, root.path), { signal });
    expect(layer.size).toBe(3);
  });

  it("knows compression by the first bytes, and names the layer by the uncompressed ones", async () => {
    const tar = tarOf({ "etc/motd": "hello" });
    for (const bytes of [gzipSync(tar.bytes), zstdCompressSync(tar.bytes), tar.bytes]) {
      expect(await layers.unpackBase(sourceOf(bytes, root.path), { signal })).toMatchObject({ diffID: tar.diffID });
      expect(readFileSync(`${layers.pathOf([tar.diffID])}/etc/motd`, "utf8")).toBe("hello");
      expect(await layers.sweep([])).toBe(5);
    }
  });

  it("shares one unpack between two callers", async () => {
    const tar = tarOf({ big: "x".repeat(5_000_000) });
    const source = sourceOf(tar, root.path);
    const [first, second] = await Promise.all([
      layers.unpack([tar.diffID], source, { signal }),
      // A source that is not there proves that nobody read it.
      layers.unpack([tar.diffID], { path: "/nonexistent" }, { signal }),
    ]);
    expect(second).toEqual({ ...first, digest: null });
    expect(inLayers()).toHaveLength(1);
  });

  it("lets the second caller go on alone when the first is cancelled", async () => {
    const tar = tarOf({ big: "x".repeat(20_000_000) });
    const cancelled = new AbortController();
    const first = layers.unpack([tar.diffID], sourceOf(gzipSync(tar.bytes), root.path), { signal: cancelled.signal });
    const second = layers.unpack([tar.diffID], sourceOf(tar, root.path), { signal });
    cancelled.abort();
    await expect(first).rejects.toMatchObject({ code: "cancelled" });
    await expect(second).resolves.toMatchObject({ diffID: tar.diffID });
  });

  it("leaves nothing when cancelled half way, and says how far it came", async () => {
    const tar = tarOf({ a: "x".repeat(200_000_000) });
    const source = sourceOf(tar, root.path);
    const cancel = new AbortController();
    let read = 0;
    const onProgress = (bytes: number) => {
      read = bytes;
      if (bytes > 1_000_000) cancel.abort();
    };
    const work = layers.unpack([tar.diffID], source, { signal: cancel.signal, onProgress });
    await expect(work).rejects.toMatchObject({ code: "cancelled" });
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(200_000_000);
    expect(inLayers()).toEqual([]);
    expect(layers.find([tar.diffID])).toBeNull();
  });

  it("stops reading when cancelled, however large the tar", async () => {
    const size = 8 * 2 ** 30 - 1;
    // Of a kind that is not written, in a file that is all hole.
    const source = sourceOf(tarOf([{ path: ".wh..wh.large", size }]).bytes.subarray(0, 512), root.path);
    truncateSync(source.path, size);
    const begun = performance.now();
    const work = layers.unpackBase(source, { signal: AbortSignal.timeout(300) });
    await expect(work).rejects.toMatchObject({ code: "cancelled" });
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it("leaves nothing on a full disk, and says so in one sentence", async () => {
    const small = root.join("small");
    mkdirSync(small);
    mountCall("tmpfs", small, { type: "tmpfs", data: "size=4m" });
    await using full = await openLayerStore({ root: small });
    const tar = tarOf({ "usr/share/big": "x".repeat(8_000_000) });
    const failure = {
      code: "resource-exhausted",
      message: "unpack layer: entry usr/share/big: cannot be written: no space left on the disk",
      hint: expect.stringContaining("gantry rmi"),
    };
    await expect(full.unpackBase(sourceOf(tar, root.path), { signal })).rejects.toMatchObject(failure);
    expect(readdirSync(`${small}/layers`)).toEqual([]);
    const fitting = tarOf({ "usr/share/small": "x".repeat(1_000_000) });
    await expect(full.unpackBase(sourceOf(fitting, root.path), { signal })).resolves.toMatchObject({ size: 1_000_000 });
  });

  it("sweeps at open what a killed engine left, and takes a damaged layer for none", async () => {
    const tar = tarOf({ motd: "hello" });
    const chain = await stack({ motd: "hello" });
    await layers[Symbol.asyncDispose]();
    mkdirSync(root.join("engine/layers/.new-1/fs/a/b"), { recursive: true });
    mkdirSync(root.join("engine/layers/.gone-1/fs"), { recursive: true });
    mkdirSync(root.join("engine/containers/.gone-2/upper"), { recursive: true });
    writeFileSync(root.join("engine/layers", tar.diffID.slice(7), "layer.json"), '{"version":1');
    layers = await openLayerStore({ root: root.join("engine") });
    expect(layers.find(chain)).toBeNull();
    await vi.waitFor(() => expect([...inLayers(), ...inContainers()]).toEqual([]), { timeout: 5_000 });
    await layers.unpack(chain, sourceOf(tar, root.path), { signal });
    expect(readFileSync(`${layers.pathOf(chain)}/motd`, "utf8")).toBe("hello");
  });

  it("is killed at any instant: the next open finds the whole layer or none", async () => {
    const tar = tarOf(Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`d/${at}`, "x".repeat(at)])));
    const source = sourceOf(tar, root.path);
    await layers[Symbol.asyncDispose]();
    const script = root.join("engine.ts");
    const store = new URL("../../engine/layers/overlay-layer-store.ts", import.meta.url);
    writeFileSync(
      script,
      `import { openLayerStore } from ${JSON.stringify(store.href)};
      const layers = await openLayerStore({ root: ${JSON.stringify(root.join("engine"))} });
      process.stdout.write("go");
      await layers.unpack([${JSON.stringify(tar.diffID)}], ${JSON.stringify(source)}, { signal: new AbortController().signal });`,
    );
    for (const delay of [90, 150, 250]) {
      const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "ignore"] });
      const exited = new Promise((resolve) => child.once("exit", resolve));
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await sleep(delay);
      child.kill("SIGKILL");
      await exited;
      layers = await openLayerStore({ root: root.join("engine") });
      if (layers.find([tar.diffID]) !== null) {
        expect(readdirSync(`${layers.pathOf([tar.diffID])}/d`)).toHaveLength(2000);
        await layers.sweep([]);
      }
      await vi.waitFor(() => expect(inLayers()).toEqual([]), { timeout: 5_000 });
      await layers[Symbol.asyncDispose]();
    }
  });

  it("sweeps all but what is kept and what a container stands on", async () => {
    const base = { "a/base": "12345" };
    const kept = await stack(base, { kept: "1" });
    const used = await stack(base, { used: "1" });
    const loose = await stack(base, { loose: "123" });
    await layers.prepare("web", used);
    expect(await layers.sweep([kept])).toBe(3);
    expect(layers.find(loose)).toBeNull();
    expect(layers.find(used)).not.toBeNull();
    await layers.remove("web");
    expect(await layers.sweep([kept])).toBe(1);
    expect(await layers.sweep([])).toBe(6);
    expect(() => layers.pathOf(kept)).toThrow(expect.objectContaining({ code: "not-found" }));
  });

  it("keeps everybody but root out", async () => {
    await layers.prepare("web", []);
    expect(statSync(root.join("engine/layers")).mode & 0o777).toBe(0o700);
    expect(statSync(root.join("engine/containers")).mode & 0o777).toBe(0o711);
    expect(statSync(root.join("engine/containers/web")).mode & 0o777).toBe(0o710);
  });
});

describe("layers that lack entries for parent directories", () => {
  const base: TarItem[] = [
    { path: "var/", mode: 0o755 },
    { path: "var/spool/", mode: 0o1777, uid: 7, gid: 8 },
  ];
  const above: TarItem[] = [{ path: "var/spool/new/file", data: "x" }];

  it("take owner and mode from below, whichever comes first", async () => {
    const [lower, upper] = [tarOf(base), tarOf(above)];
    const chain = [lower.diffID, upper.diffID];
    await layers.unpack(chain, sourceOf(upper, root.path), { signal });
    await layers.unpack([lower.diffID], sourceOf(lower, root.path), { signal });
    const rootfs = await mounted("web", chain);
    expect(statSync(`${rootfs}/var/spool`)).toMatchObject({ mode: 0o041777, uid: 7, gid: 8 });
    expect(statSync(`${rootfs}/var/spool/new`)).toMatchObject({ mode: 0o040755, uid: 0 });
  });

  it("are kept for their own chain only", async () => {
    const upper = tarOf(above);
    const chain = await stack(base, above);
    expect(layers.find(chain)).not.toBeNull();
    const other = await stack([{ path: "var/", mode: 0o700 }]);
    expect(layers.find([...other, upper.diffID])).toBeNull();
    expect(layers.find([upper.diffID])).toBeNull();
    await layers.unpack([...other, upper.diffID], sourceOf(upper, root.path), { signal });
    expect(statSync(`${layers.pathOf([...other, upper.diffID])}/var`).mode & 0o777).toBe(0o700);
    expect(statSync(`${layers.pathOf(chain)}/var/spool`).mode & 0o7777).toBe(0o1777);
  });
});

it("unpacks what docker's own layers look like: files, then the same through a real tar", async () => {
  const directory = root.join("tree");
  mkdirSync(`${directory}/etc`, { recursive: true });
  writeFileSync(`${directory}/etc/motd`, "hello");
  const bytes = execFileSync("tar", ["-c", "-C", directory, "."]);
  const tar: MadeTar = madeOf(bytes);
  await layers.unpack([tar.diffID], sourceOf(tar, root.path), { signal });
  expect(lstatSync(`${layers.pathOf([tar.diffID])}/etc/motd`).size).toBe(5);
});
