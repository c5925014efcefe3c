import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { isMounted, mountOverlay, unmount } from "../../engine/host/mounts.ts";
import { lgetxattr, mount as mountCall } from "../../engine/host/syscalls.ts";
import type { LayerStore } from "../../engine/layers/layer-store.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
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

/** Unpacks a stack, lowest first, and gives its chain. */
async function stack(...tars: (readonly TarItem[] | Record<string, string>)[]): Promise<DiffID[]> {
  const chain: DiffID[] = [];
  for (const items of tars) {
    const tar = tarOf(items);
    chain.push(tar.diffID);
    await layers.unpack(chain, sourceOf(tar, root.path), { signal });
  }
  return chain;
}

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

  it("keeps everybody but root out", () => {
    expect(statSync(root.join("engine/layers")).mode & 0o777).toBe(0o700);
    expect(statSync(root.join("engine/containers")).mode & 0o777).toBe(0o710);
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

describe("a container's file system", () => {
  it("stands on a layer that is there several times", async () => {
    const twice: TarItem[] = [
      { path: "a/" },
      { path: "a/mine", data: "mine" },
      { path: "a/.wh.theirs" },
      { path: "b/" },
      { path: "b/.wh..wh..opq" },
    ];
    const theirs: TarItem[] = [
      { path: "a/" },
      { path: "a/theirs", data: "theirs" },
      { path: "a/.wh.mine" },
      { path: "b/" },
      { path: "b/theirs", data: "theirs" },
    ];
    const top = { "a/top": "top" };
    const chain = await stack([], { low: "low" }, twice, theirs, [], twice, top, []);
    const rootfs = await mounted("twice", chain);
    expect(readdirSync(rootfs).sort()).toEqual(["a", "b", "low"]);
    expect(readdirSync(`${rootfs}/a`).sort()).toEqual(["mine", "top"]);
    expect(readdirSync(`${rootfs}/b`)).toEqual([]);
    writeFileSync(`${rootfs}/a/mine`, "changed");
    expect(await layers.changes("twice", 10)).toMatchObject({
      changes: [{ path: "/a" }, { path: "/a/mine" }],
    });
  });

  it("shows the layers as one, and keeps what is written apart", async () => {
    const chain = await stack({ "etc/motd": "old", "etc/hosts": "h" }, { "etc/motd": "new" });
    const rootfs = await mounted("web", chain);
    expect(readFileSync(`${rootfs}/etc/motd`, "utf8")).toBe("new");
    expect(readFileSync(`${rootfs}/etc/hosts`, "utf8")).toBe("h");
    writeFileSync(`${rootfs}/etc/hosts`, "mine");
    expect(readFileSync(`${layers.pathOf(chain.slice(0, 1))}/etc/hosts`, "utf8")).toBe("h");
    const other = await mounted("web-2", chain);
    expect(readFileSync(`${other}/etc/hosts`, "utf8")).toBe("h");
  });

  it("hides what whiteouts and opaque marks hide, in any order", async () => {
    const chain = await stack(
      { gone: "1", "dir/a": "1", "dir/b": "1", "opaque/old": "1", "early/old": "1", "turned/old": "1" },
      [
        { path: ".wh.gone" },
        { path: "dir/" },
        { path: "dir/.wh.a" },
        { path: "opaque/" },
        { path: "opaque/new", data: "1" },
        { path: "opaque/.wh..wh..opq" },
        { path: ".wh.early" },
        { path: "early/" },
        { path: "early/new", data: "1" },
        { path: "turned/" },
        { path: "turned/new", data: "1" },
        { path: ".wh.turned" },
        { path: ".wh..wh.plnk/" },
        { path: ".wh..wh.plnk/1.2", data: "aufs" },
      ],
    );
    const rootfs = await mounted("web", chain);
    expect(readdirSync(rootfs).sort()).toEqual(["dir", "early", "opaque", "turned"]);
    for (const [name, content] of Object.entries({ dir: "b", early: "new", opaque: "new", turned: "new" })) {
      expect(readdirSync(`${rootfs}/${name}`), name).toEqual([content]);
    }
  });

  it("keeps setuid bits, capabilities and attributes", async () => {
    const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
    const pax = { "SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.note": "hello" };
    const rootfs = await mounted("web", await stack([{ path: "ping", mode: 0o4755, uid: 0, gid: 5, data: "x", pax }]));
    expect(statSync(`${rootfs}/ping`)).toMatchObject({ mode: 0o104755, gid: 5 });
    expect(lgetxattr(`${rootfs}/ping`, "user.note")?.toString()).toBe("hello");
    expect(lgetxattr(`${rootfs}/ping`, "security.capability")).toEqual(capability);
  });

  it("takes the top directory's owner and mode from the image", async () => {
    const chain = await stack([{ path: "./", mode: 0o751, uid: 3, gid: 4 }, { path: "a" }], { b: "x" });
    expect(statSync(await mounted("web", chain))).toMatchObject({ mode: 0o040751, uid: 3, gid: 4 });
    expect(statSync(await mounted("web-2", await stack({ c: "y" })))).toMatchObject({ mode: 0o040755, uid: 0 });
  });

  it("can do without any layer", async () => {
    const rootfs = await mounted("empty", []);
    writeFileSync(`${rootfs}/a`, "x");
    expect(readdirSync(rootfs)).toEqual(["a"]);
  });

  it.each(["new-api", "mount"] as const)(
    "stacks 127 layers by %s, also below a path full of separators",
    async (method) => {
      for (const name of ["plain", "we:ird, na\\me é"]) {
        const at = (part: string) => root.join(name, part);
        const lower = Array.from({ length: 127 }, (_, index) => at(`layers/${String(index).padStart(64, "f")}/fs`));
        for (const [index, path] of lower.entries()) {
          mkdirSync(path, { recursive: true });
          writeFileSync(`${path}/own-${index}`, "");
          writeFileSync(`${path}/top`, String(index));
        }
        for (const part of ["upper", "work", "rootfs"]) mkdirSync(at(part));
        mountOverlay({ lower, upper: at("upper"), work: at("work") }, at("rootfs"), method);
        expect(readdirSync(at("rootfs"))).toHaveLength(128);
        expect(readFileSync(`${at("rootfs")}/top`, "utf8")).toBe("0");
        writeFileSync(`${at("rootfs")}/top`, "mine");
        expect(readFileSync(at("upper/top"), "utf8")).toBe("mine");
        await unmount(at("rootfs"));
        expect(isMounted(at("rootfs"))).toBe(false);
      }
    },
  );

  it("lets many layers be mounted through the store", async () => {
    const chain = await stack(...Array.from({ length: 127 }, (_, at) => ({ [`f${at}`]: String(at) })));
    expect(readdirSync(await mounted("tall", chain))).toHaveLength(127);
  });

  it("mounts once, unmounts once, and again after a restart of the engine", async () => {
    const chain = await stack({ a: "1" });
    const rootfs = await mounted("web", chain);
    writeFileSync(`${rootfs}/b`, "2");
    await layers[Symbol.asyncDispose]();
    layers = await openLayerStore({ root: root.join("engine") });
    expect(layers.listWritable()).toEqual(["web"]);
    expect(await layers.mount("web")).toBe(rootfs);
    expect(listMounts().filter(({ target }) => target === rootfs)).toHaveLength(1);
    await layers.unmount("web");
    expect(isMounted(rootfs)).toBe(false);
    await layers.unmount("web");
    await layers.mount("web");
    expect(readdirSync(rootfs).sort()).toEqual(["a", "b"]);
  });

  it("is removed while a process stands in it", async () => {
    const rootfs = await mounted("web", await stack({ a: "1" }));
    const child = spawn("sleep", ["60"], { cwd: rootfs, stdio: "ignore" });
    try {
      await sleep(50);
      await layers.remove("web");
      expect(isMounted(rootfs)).toBe(false);
      expect(layers.listWritable()).toEqual([]);
      await vi.waitFor(() => expect(inContainers()).toEqual([]), { timeout: 5_000 });
      await layers.remove("web");
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("is removed whole, however deep and odd a container made it", async () => {
    const rootfs = await mounted("web", await stack({ a: "1" }));
    // Relative steps, as an absolute path of this depth is longer than the kernel takes.
    const deep = `for (let at = 0; at < 300; at++) { fs.mkdirSync("d".repeat(200)); process.chdir("d".repeat(200)); }`;
    execFileSync(process.execPath, ["-e", deep], { cwd: rootfs });
    writeFileSync(Buffer.from(`${rootfs}/\xff\n`, "latin1"), "x");
    execFileSync("mknod", [`${rootfs}/device`, "c", "1", "3"]);
    expect((await layers.usage("web")).truncated).toBe(true);
    await layers.remove("web");
    await vi.waitFor(() => expect(inContainers()).toEqual([]), { timeout: 10_000 });
  });

  it("refuses a taken key, an unknown layer and a key that is a path", async () => {
    const chain = await stack({ a: "1" });
    await layers.prepare("web", chain);
    await expect(layers.prepare("web", chain)).rejects.toMatchObject({ code: "already-exists" });
    const unknown = madeOf(Buffer.from("x")).diffID;
    await expect(layers.prepare("web-2", [...chain, unknown])).rejects.toMatchObject({ code: "not-found" });
    await expect(layers.prepare("../web", chain)).rejects.toMatchObject({ code: "invalid-argument" });
    await expect(layers.mount("web-2")).rejects.toMatchObject({ code: "not-found" });
    expect(layers.listWritable()).toEqual(["web"]);
  });

  it("lists a directory that a crash left half made, and can make it again", async () => {
    const chain = await stack({ a: "1" });
    await layers[Symbol.asyncDispose]();
    mkdirSync(root.join("engine/containers/web/upper/leftover"), { recursive: true });
    mkdirSync(root.join("engine/containers/gone/upper"), { recursive: true });
    layers = await openLayerStore({ root: root.join("engine") });
    expect([...layers.listWritable()].sort()).toEqual(["gone", "web"]);
    await layers.remove("gone");
    expect(readdirSync(await mounted("web", chain))).toEqual(["a"]);
    expect(layers.listWritable()).toEqual(["web"]);
  });

  it("is prepared beside files that the container's owner put there before", async () => {
    mkdirSync(root.join("engine/containers/web"), { recursive: true });
    writeFileSync(root.join("engine/containers/web/config.json"), "{}");
    await layers.prepare("web", await stack({ a: "1" }));
    expect(existsSync(root.join("engine/containers/web/config.json"))).toBe(true);
  });
});

describe("changes of a container", () => {
  const base = { "etc/motd": "hello", "etc/hosts": "h", "var/log/a": "1", "var/log/b": "2", "usr/bin/sh": "#!" };

  it("tells what was added, changed and deleted", async () => {
    const rootfs = await mounted("web", await stack(base, [{ path: "etc/" }, { path: "etc/.wh.hosts" }]));
    writeFileSync(`${rootfs}/etc/motd`, "changed!");
    writeFileSync(`${rootfs}/etc/hosts`, "again");
    writeFileSync(`${rootfs}/new`, "12");
    mkdirSync(`${rootfs}/made/inside`, { recursive: true });
    rmSync(`${rootfs}/usr`, { recursive: true });
    rmSync(`${rootfs}/var/log`, { recursive: true });
    mkdirSync(`${rootfs}/var/log`);
    writeFileSync(`${rootfs}/var/log/b`, "other");
    renameSync(`${rootfs}/new`, `${rootfs}/renamed`);
    const { changes, truncated } = await layers.changes("web", 100);
    expect(truncated).toBe(false);
    expect(changes.map(({ path, kind, type, size }) => `${kind} ${type} ${path} ${size}`)).toEqual([
      "changed directory /etc 0",
      "added file /etc/hosts 5",
      "changed file /etc/motd 8",
      "added directory /made 0",
      "added directory /made/inside 0",
      "added file /renamed 2",
      "deleted directory /usr 0",
      "changed directory /var 0",
      "changed directory /var/log 0",
      "deleted file /var/log/a 0",
      "changed file /var/log/b 5",
    ]);
    expect(await layers.usage("web")).toMatchObject({ added: 4, changed: 5, deleted: 2, truncated: false });
  });

  it("compares with what shows through, not with what a layer hides", async () => {
    const hiding: TarItem[] = [{ path: "var/" }, { path: "var/log/" }, { path: "var/log/.wh..wh..opq" }];
    const rootfs = await mounted("web", await stack(base, hiding));
    writeFileSync(`${rootfs}/var/log/a`, "x");
    const { changes } = await layers.changes("web", 100);
    expect(changes.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      "changed /var",
      "changed /var/log",
      "added /var/log/a",
    ]);
  });

  it("stops at the limit", async () => {
    const rootfs = await mounted("web", await stack(base));
    for (let at = 0; at < 50; at++) writeFileSync(`${rootfs}/f${at}`, "x");
    const { changes, truncated } = await layers.changes("web", 10);
    expect([changes.length, truncated]).toEqual([10, true]);
    expect((await layers.changes("web", 50)).truncated).toBe(false);
  });

  it("counts bytes on the disk, hard links once", async () => {
    const rootfs = await mounted("web", await stack(base));
    writeFileSync(`${rootfs}/a`, "x".repeat(10_000));
    execFileSync("sh", ["-c", "ln a b; truncate -s 1G sparse"], { cwd: rootfs });
    expect(await layers.usage("web")).toMatchObject({ size: 10_000, added: 3 });
  });

  it("does not hold up the event loop, nor show what a container points to", async () => {
    const rootfs = await mounted("web", await stack(base));
    execFileSync("sh", ["-c", "ln -s /etc evil; i=0; while [ $i -lt 20000 ]; do : > f$i; i=$((i+1)); done"], {
      cwd: rootfs,
    });
    let longest = 0;
    const begun = performance.now();
    let last = begun;
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const { added } = await layers.usage("web");
    const { changes } = await layers.changes("web", 5);
    clearInterval(timer);
    expect(added).toBe(20_001);
    expect(changes[0]).toMatchObject({ path: "/evil", type: "symlink" });
    // The work on this very thread would be one pause as long as all of it.
    expect(longest).toBeLessThan((performance.now() - begun) / 2);
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
