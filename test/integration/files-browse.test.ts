import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openFileBrowser } from "../../engine/layers/files/file-browser.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
import { type BrowsedLayers, everything, linesOf, openBrowsedLayers } from "../support/browsed-layers.ts";

let browsed: BrowsedLayers;
let image: DiffID[];

beforeAll(async () => {
  browsed = await openBrowsedLayers();
  image = await browsed.stack(
    [
      { path: "bin/" },
      { path: "bin/busybox", data: "x".repeat(1000), mode: 0o755 },
      { path: "bin/sh", type: "1", linkPath: "bin/busybox" },
      { path: "etc/" },
      { path: "etc/motd", data: "one\n" },
      { path: "etc/gone", data: "gone\n" },
      { path: "data/" },
      { path: "data/old", data: "old data\n" },
      { path: "data/deep/" },
      { path: "data/deep/file", data: "deep\n" },
      { path: "lib", type: "2", linkPath: "usr/lib" },
      { path: "usr/" },
      { path: "usr/lib/" },
      { path: "usr/lib/libc.so", data: "libc" },
      { path: "var/" },
    ],
    [
      { path: "etc/" },
      { path: "etc/motd", data: "number two\n" },
      { path: "etc/.wh.gone" },
      { path: "var/" },
      { path: "var/log/" },
      { path: "var/log/log", data: "log\n", uid: 33, gid: 34, mode: 0o600 },
    ],
    [{ path: "data/" }, { path: "data/.wh..wh..opq" }, { path: "data/new", data: "new\n" }, { path: "usr/" }],
  );
});

afterAll(() => browsed[Symbol.asyncDispose]());

it("shows the sum of all layers with what the topmost changed", async () => {
  const { entries, total } = await browsed.list(image);
  expect(total).toBe(6);
  expect(linesOf(entries)).toEqual([" /bin 1000", "~/data 4", " /etc 11", " /lib 0", " /usr 4", " /var 4"]);
  expect(linesOf((await browsed.list(image, { path: "/data" })).entries)).toEqual([
    "-/data/deep 5",
    "+/data/new 4",
    "-/data/old 9",
  ]);
  expect(linesOf((await browsed.list(image, { path: "/data/deep" })).entries)).toEqual(["-/data/deep/file 5"]);
});

it("shows the sum up to a layer", async () => {
  const upTo = { layer: 1, view: "upTo" } as const;
  expect(linesOf((await browsed.list(image, upTo)).entries)).toEqual([
    " /bin 1000",
    " /data 14",
    "~/etc 11",
    " /lib 0",
    " /usr 4",
    "~/var 4",
  ]);
  expect(linesOf((await browsed.list(image, { ...upTo, path: "/etc" })).entries)).toEqual([
    "-/etc/gone 5",
    "~/etc/motd 11",
  ]);
  const first = await browsed.list(image, { layer: 0, filter: everything });
  expect(first.entries.every(({ change }) => change === "added")).toBe(true);
  expect(first.entries.find(({ path }) => path === "/data")).toMatchObject({ size: 14, entries: 3, layer: 0 });
});

it("shows what one layer brought, and nothing else", async () => {
  const own = await browsed.list(image, { layer: 1, view: "layer", filter: everything });
  expect(linesOf(own.entries)).toEqual([
    "~/etc 11",
    "-/etc/gone 5",
    "~/etc/motd 11",
    "~/var 4",
    "+/var/log 4",
    "+/var/log/log 4",
  ]);
  const top = await browsed.list(image, { layer: 2, view: "layer", filter: everything });
  expect(linesOf(top.entries)).toEqual([
    "~/data 4",
    "-/data/deep 5",
    "-/data/deep/file 5",
    "+/data/new 4",
    "-/data/old 9",
    " /usr 0",
  ]);
});

it("tells everything of a file", async () => {
  const { entries } = await browsed.list(image, { path: "/var/log/log" });
  expect(entries).toEqual([
    {
      path: "/var/log/log",
      type: "file",
      size: 4,
      mode: 0o600,
      uid: 33,
      gid: 34,
      modifiedAt: "2001-09-09T01:46:40.000Z",
      linkTarget: "",
      change: "unchanged",
      layer: 1,
      entries: 0,
    },
  ]);
  const bin = await browsed.list(image, { path: "/bin" });
  expect(bin.entries[1]).toMatchObject({ path: "/bin/sh", type: "hardlink", linkTarget: "/bin/busybox", size: 0 });
  const lib = await browsed.list(image, { path: "/lib" });
  expect(lib.entries).toMatchObject([{ path: "/lib", type: "symlink", linkTarget: "usr/lib" }]);
  expect((await browsed.list(image, { path: "/lib/" })).total).toBe(1);
});

it("filters and orders", async () => {
  const lines = async (query: Parameters<BrowsedLayers["list"]>[1]) =>
    linesOf((await browsed.list(image, query)).entries);
  expect(await lines({ filter: { ...everything, contains: "LOG" } })).toEqual([" /var/log 4", " /var/log/log 4"]);
  expect(await lines({ filter: { ...everything, contains: "usr/lib" } })).toEqual([
    " /usr/lib 4",
    " /usr/lib/libc.so 4",
  ]);
  expect(await lines({ filter: { ...everything, minimumSize: 5 }, order: "size" })).toEqual([
    " /bin/busybox 1000",
    " /etc/motd 11",
    "-/data/old 9",
    "-/data/deep/file 5",
  ]);
  expect(await lines({ filter: { ...everything, changed: true } })).toEqual([
    "~/data 4",
    "-/data/deep 5",
    "-/data/deep/file 5",
    "+/data/new 4",
    "-/data/old 9",
  ]);
  expect(await lines({ order: "size", offset: 1, limit: 2 })).toEqual([" /etc 11", "~/data 4"]);
});

it("reads files of any layer, also what was removed", async () => {
  expect(await browsed.read(image, "/etc/motd")).toBe("number two\n");
  expect(await browsed.read(image, "/etc/motd", { layer: 0 })).toBe("one\n");
  expect(await browsed.read(image, "/etc/gone", { layer: 1 })).toBe("gone\n");
  expect(await browsed.read(image, "/lib/libc.so")).toBe("libc");
  expect((await browsed.read(image, "/bin/sh")).length).toBe(1000);
  await expect(browsed.read(image, "/etc")).rejects.toMatchObject({ code: "invalid-argument" });
  await expect(browsed.read(image, "/etc/gone")).rejects.toMatchObject({ code: "not-found" });
  await expect(browsed.list(image, { path: "/nothing" })).rejects.toThrow("/nothing not found");
  await expect(browsed.list(image, { layer: 3 })).rejects.toThrow(
    "layer 3 does not exist: there are 3, counted from 0",
  );
});

it("makes archives of files and directories", async () => {
  const names = async (...args: Parameters<BrowsedLayers["archive"]>) =>
    execFileSync("tar", ["-tf", "-"], { input: await browsed.archive(...args), encoding: "utf8" })
      .trim()
      .split("\n");
  expect(await names(image, "/data")).toEqual(["data/", "data/new"]);
  expect(await names(image, "/data", { layer: 1 })).toEqual(["data/", "data/deep/", "data/deep/file", "data/old"]);
  expect(await names(image, "/", { layer: 1, view: "layer" })).toEqual([
    "etc/",
    "etc/motd",
    "var/",
    "var/log/",
    "var/log/log",
  ]);
  expect(await names(image, "/data/deep", {})).toEqual(["deep/", "deep/file"]);
  expect(await names(image, "/lib/libc.so")).toEqual(["libc.so"]);
  const one = execFileSync("tar", ["-xOf", "-"], {
    input: await browsed.archive(image, "/etc/motd"),
    encoding: "utf8",
  });
  expect(one).toBe("number two\n");
  await expect(names(image, "/bin", { layer: 2, view: "layer" })).rejects.toThrow("/bin is not in layer 2");
});

it("finds what is wasted", async () => {
  const waste = await browsed.waste(image);
  expect(waste.files).toEqual([
    { path: "/data/old", layers: 2, bytes: 9 },
    { path: "/data/deep/file", layers: 2, bytes: 5 },
    { path: "/etc/gone", layers: 2, bytes: 5 },
    { path: "/etc/motd", layers: 2, bytes: 4 },
  ]);
  // 1000 + 4 + 11 + 5 + 9 + 5 + 4 + 4 + 4 bytes, of which needed: 1000 + 4 (motd) + 4 + 4 + 4.
  expect(waste).toMatchObject({ wastedBytes: 23, totalBytes: 1046, efficiency: 1016 / 1046 });
  expect(await browsed.waste(image, { layer: 0 })).toMatchObject({ wastedBytes: 0, efficiency: 1, files: [] });
});

it("compares two images", async () => {
  const other = await browsed.stack(
    [
      { path: "bin/" },
      { path: "bin/busybox", data: "x".repeat(1000), mode: 0o755 },
      { path: "bin/sh", data: "another shell" },
      { path: "etc/" },
      { path: "etc/motd", data: "two number\n", mtime: 1_000_000_007 },
      { path: "var/" },
      { path: "var/log/" },
      { path: "var/log/log", data: "log\n", uid: 33, gid: 34, mode: 0o600, mtime: 1_000_000_009 },
    ],
    { "data/new": "new\n" },
  );
  const { files } = await browsed.compare(image, other);
  expect(files).toEqual([
    { path: "/bin/sh", change: "modified", left: 0, right: 13 },
    { path: "/etc/motd", change: "modified", left: 11, right: 11 },
    { path: "/lib", change: "removed", left: 0, right: null },
    { path: "/usr", change: "removed", left: 0, right: null },
    { path: "/usr/lib", change: "removed", left: 0, right: null },
    { path: "/usr/lib/libc.so", change: "removed", left: 4, right: null },
  ]);
  expect((await browsed.compare(image, image)).total).toBe(0);
  expect((await browsed.compare(image, image.slice(0, 1))).files).toEqual([
    { path: "/data/deep", change: "added", left: null, right: 0 },
    { path: "/data/deep/file", change: "added", left: null, right: 5 },
    { path: "/data/new", change: "removed", left: 4, right: null },
    { path: "/data/old", change: "added", left: null, right: 9 },
    { path: "/etc/gone", change: "added", left: null, right: 5 },
    { path: "/etc/motd", change: "modified", left: 11, right: 4 },
    { path: "/var/log", change: "removed", left: 0, right: null },
    { path: "/var/log/log", change: "removed", left: 4, right: null },
  ]);
  expect((await browsed.compare(image, other, "MOTD")).total).toBe(1);
});

it("shows a container's own layer as it changes", async () => {
  await browsed.layers.prepare("web", image);
  const rootfs = await browsed.layers.mount("web");
  try {
    writeFileSync(join(rootfs, "etc/motd"), "three\n");
    rmSync(join(rootfs, "usr"), { recursive: true });
    mkdirSync(join(rootfs, "srv"));
    writeFileSync(join(rootfs, "srv/big"), "b".repeat(5000));
    const own = { layer: 3, view: "layer" } as const;
    const biggest = { ...own, filter: { ...everything, minimumSize: 1 }, order: "size" } as const;
    expect(linesOf((await browsed.list("web", biggest)).entries)).toEqual([
      "+/srv/big 5000",
      "~/etc/motd 6",
      "-/usr/lib/libc.so 4",
    ]);
    expect(linesOf((await browsed.list("web", own)).entries)).toEqual(["~/etc 6", "+/srv 5000", "-/usr 4"]);
    expect(linesOf((await browsed.list("web")).entries)).toEqual([
      " /bin 1000",
      " /data 4",
      "~/etc 6",
      " /lib 0",
      "+/srv 5000",
      "-/usr 4",
      " /var 4",
    ]);
    expect(linesOf((await browsed.list("web", { layer: 0, path: "/etc" })).entries)).toEqual([
      "+/etc/gone 5",
      "+/etc/motd 4",
    ]);
    expect((await browsed.read("web", "/srv/big")).length).toBe(5000);
    expect(await browsed.read("web", "/usr/lib/libc.so")).toBe("libc");
    truncateSync(join(rootfs, "srv/big"), 70_000);
    await expect
      .poll(async () => (await browsed.list("web", biggest)).entries[0]?.size, { timeout: 5_000 })
      .toBe(70_000);
    expect((await browsed.compare(image, "web")).files.map(({ path, change }) => `${change} ${path}`)).toEqual([
      "modified /etc/motd",
      "added /srv",
      "added /srv/big",
      "removed /usr",
      "removed /usr/lib",
      "removed /usr/lib/libc.so",
    ]);
    expect((await browsed.waste("web")).files).toContainEqual({ path: "/etc/motd", layers: 3, bytes: 15 });
  } finally {
    await browsed.layers.remove("web");
  }
});

it("takes mount points for none of a container's own", async () => {
  await browsed.layers.prepare("mounts", image);
  const rootfs = await browsed.layers.mount("mounts");
  try {
    mkdirSync(join(rootfs, "dev/pts"), { recursive: true });
    writeFileSync(join(rootfs, "etc/hosts"), "");
    const lines = async () =>
      linesOf((await browsed.list("mounts", { layer: 3, view: "layer", filter: everything })).entries);
    expect(await lines()).toEqual([" /etc 0"]);
    writeFileSync(join(rootfs, "dev/pts/file"), "");
    writeFileSync(join(rootfs, "etc/hosts"), "mine");
    const all = ["+/dev 0", "+/dev/pts 0", "+/dev/pts/file 0", "~/etc 4", "+/etc/hosts 4"];
    await expect.poll(lines, { timeout: 5_000 }).toEqual(all);
  } finally {
    await browsed.layers.remove("mounts");
  }
});

it("never leaves a container's own layer", async () => {
  await browsed.layers.prepare("trap", image);
  const rootfs = await browsed.layers.mount("trap");
  try {
    symlinkSync("/etc/hostname", join(rootfs, "outside"));
    symlinkSync("../../../../../../../../etc/hostname", join(rootfs, "srv"));
    execFileSync("mkfifo", [join(rootfs, "fifo")]);
    execFileSync("mknod", [join(rootfs, "zero"), "c", "1", "5"]);
    await expect(browsed.read("trap", "/outside")).rejects.toMatchObject({ code: "not-found" });
    await expect(browsed.read("trap", "/srv")).rejects.toMatchObject({ code: "not-found" });
    await expect(browsed.read("trap", "/fifo")).rejects.toThrow("/fifo is not a regular file");
    await expect(browsed.read("trap", "/zero")).rejects.toMatchObject({ code: "invalid-argument" });
    // The index says file, the container has put something else there since.
    writeFileSync(join(rootfs, "etc/new"), "x");
    await expect.poll(() => browsed.read("trap", "/etc/new").catch(() => ""), { timeout: 5_000 }).toBe("x");
    rmSync(join(rootfs, "etc"), { recursive: true });
    symlinkSync("/etc", join(rootfs, "etc"));
    await expect(browsed.read("trap", "/etc/new")).rejects.toThrow("/etc/new is gone, or was replaced just now");
  } finally {
    await browsed.layers.remove("trap");
  }
});

it("lists layers before anybody looks, and drops trees of images that are gone", async () => {
  const other = await browsed.stack({ "some/file": "text" });
  const stale = browsed.root.join("cache/files/tree-1-0123456789abcdef0123456789abcdef.idx");
  writeFileSync(stale, "");
  browsed.files.prepare(() => [image, [`sha256:${"0".repeat(64)}` as DiffID], other]);
  const listed = () =>
    other
      .flatMap((diffID) => browsed.layers.placesOf([diffID]))
      .map(({ directory }) => existsSync(join(directory, "../files-1.idx")));
  await expect.poll(() => [...listed(), existsSync(stale)], { timeout: 10_000 }).toEqual([true, false]);
});

it("makes an index anew where it is damaged or gone", async () => {
  const before = linesOf((await browsed.list(image, { filter: everything })).entries);
  const cache = browsed.root.join("cache/files");
  const indexes = () => [
    ...readdirSync(cache).map((name) => join(cache, name)),
    ...browsed.layers.placesOf(image).map(({ directory }) => join(directory, "../files-1.idx")),
  ];
  for (const path of indexes()) writeFileSync(path, "this is no index at all, though long enough for a footer");
  await using files = await openFileBrowser({ root: browsed.root.path, layers: browsed.layers });
  const query = { path: "/", filter: everything, order: "name", offset: 0, limit: 100 } as const;
  const view = { layers: { chain: image }, layer: null, view: "upTo" } as const;
  expect(linesOf((await files.list(view, query, AbortSignal.timeout(10_000))).entries)).toEqual(before);
  expect(readdirSync(cache).filter((name) => name.startsWith(".new-"))).toEqual([]);
});
