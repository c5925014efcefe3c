import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { isMounted, mountOverlay, unmount } from "../../engine/host/mounts.ts";
import { lgetxattr } from "../../engine/host/syscalls.ts";
import type { LayerStore } from "../../engine/layers/layer-store.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
import { type LayerFiles, unpackStack } from "../support/layer-stack.ts";
import { madeOf, type TarItem } from "../support/tar-of.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let root: TempRoot;
let layers: LayerStore;

beforeEach(async () => {
  root = await tempRoot();
  layers = await openLayerStore({ root: root.join("engine") });
});
afterEach(async () => {
  await layers[Symbol.asyncDispose]();
  await root[Symbol.asyncDispose]();
});

const inContainers = () => readdirSync(root.join("engine/containers")).filter((name) => name !== ".empty");

const stack = (...tars: LayerFiles[]): Promise<DiffID[]> => unpackStack(layers, root.path, tars);

async function mounted(key: string, chain: readonly DiffID[]): Promise<string> {
  await layers.prepare(key, chain);
  return await layers.mount(key);
}

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
