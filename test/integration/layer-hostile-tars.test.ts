import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LayerStore } from "../../engine/layers/layer-store.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import { removeTree } from "../../engine/layers/remove-tree.ts";
import { madeOf, sourceOf, type TarItem, tarOf } from "../support/tar-of.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

/**
 * Each tar tries to leave the layer's directory. The bait lies where the host's own files would: every file of it must be the same
 * afterwards, whether the tar was refused or taken.
 */
let root: TempRoot;
let layers: LayerStore;
let bait: string;
const signal = new AbortController().signal;

beforeEach(async () => {
  root = await tempRoot();
  bait = root.join("bait");
  mkdirSync(bait);
  writeFileSync(`${bait}/secret`, "untouched", { mode: 0o600 });
  mkdirSync(`${bait}/directory`, { mode: 0o700 });
  symlinkSync("secret", `${bait}/link`);
  layers = await openLayerStore({ root: root.join("engine") });
});

afterEach(async () => {
  try {
    expectUntouched();
  } finally {
    await layers[Symbol.asyncDispose]();
    await root[Symbol.asyncDispose]();
  }
});

function expectUntouched(): void {
  expect(readFileSync(`${bait}/secret`, "utf8")).toBe("untouched");
  expect(statSync(`${bait}/secret`)).toMatchObject({ uid: 0, nlink: 1, mode: 0o100600 });
  expect(lstatSync(`${bait}/directory`)).toMatchObject({ uid: 0, mode: 0o40700 });
  expect(readdirSync(bait).sort()).toEqual(["directory", "link", "secret"]);
  expect(readdirSync(`${bait}/directory`)).toEqual([]);
  expect(readdirSync(root.join("engine/layers")).filter((name) => name.startsWith("."))).toEqual([]);
  expect(existsSync("/tmp/gantry-escaped")).toBe(false);
}

async function unpack(items: readonly TarItem[]): Promise<string> {
  const tar = tarOf(items);
  await layers.unpack([tar.diffID], sourceOf(tar, root.path), { signal });
  return layers.pathOf([tar.diffID]);
}

const link = (path: string, linkPath: string): TarItem => ({ path, type: "2", linkPath });
const hardLink = (path: string, linkPath: string): TarItem => ({ path, type: "1", linkPath });

describe("refused, with the entry's name", () => {
  const refused: [what: string, items: (bait: string) => TarItem[], message: RegExp][] = [
    [
      "a name with ..",
      () => [{ path: "../../tmp/gantry-escaped", data: "x" }],
      /entry \.\.\/\.\.\/tmp\/gantry-escaped: its name contains "\.\."/,
    ],
    [
      "a name with .. in the middle",
      () => [{ path: "a/" }, { path: "a/../../b", data: "x" }],
      /entry a\/\.\.\/\.\.\/b: .*"\.\."/,
    ],
    ["a directory with ..", () => [{ path: "../x/" }], /"\.\."/],
    ["a pax path with ..", () => [{ path: "a", pax: { path: "b/../../c" } }], /entry b\/\.\.\/\.\.\/c/],
    ["a hard link with ..", () => [hardLink("a", "../../../etc/passwd")], /entry a: its name contains "\.\."/],
    [
      "a hard link to a host file",
      () => [hardLink("a", "/etc/passwd")],
      /entry a: it is a hard link to \/etc\/passwd, which is no file in this layer/,
    ],
    ["a hard link through a symlink", (bait) => [link("l", bait), hardLink("a", "l/secret")], /no file in this layer/],
    ["a hard link to a directory", () => [{ path: "d/" }, hardLink("a", "d")], /no file in this layer/],
    ["a hard link to the root", () => [hardLink("a", "/")], /no file in this layer/],
    ["a root that is a symlink", (bait) => [link("./", bait)], /it would replace the root directory/],
    ["a root that is a file", () => [{ path: ".", data: "x" }], /it would replace the root directory/],
    [
      "a file below a file",
      () => [
        { path: "a", data: "x" },
        { path: "a/b", data: "y" },
      ],
      /entry a\/b: its parent a is not a directory/,
    ],
    [
      "a file below a device",
      () => [{ path: "a", type: "3", major: 1, minor: 3 }, { path: "a/b" }],
      /its parent a is not a directory/,
    ],
    [
      "a loop of symlinks",
      () => [link("a", "b"), link("b", "a"), { path: "a/c", data: "x" }],
      /too many symbolic links/,
    ],
    ["a symlink to nothing", () => [link("a", "")], /symbolic link to nothing/],
    [
      "a whiteout of ..",
      () => [{ path: "a/" }, { path: "a/.wh..." }],
      /entry a\/\.wh\.\.\.: it hides no name but "\.\."/,
    ],
    ["a whiteout of .", () => [{ path: ".wh.." }], /it hides no name/],
    ["a whiteout of nothing", () => [{ path: ".wh." }], /it hides no name/],
    [
      "a name longer than any path",
      () => [{ path: "a", pax: { path: "n/".repeat(3000) } }],
      /its name is longer than 4095 bytes/,
    ],
    [
      "a part of a name that is too long",
      () => [{ path: "a", pax: { path: "n".repeat(300) } }],
      /cannot be written.*ENAMETOOLONG/,
    ],
    [
      "an impossible device",
      () => [{ path: "a", type: "4", major: 70_000, minor: 1 }],
      /its device number 70000\/1 is not possible/,
    ],
  ];

  it.each(refused)("%s", async (_, items, message) => {
    const failure = expect.objectContaining({ code: "corrupt", message: expect.stringMatching(message) });
    await expect(unpack(items(bait))).rejects.toEqual(failure);
    expect(readdirSync(root.join("engine/layers"))).toEqual([]);
  });

  it("a truncated tar, plain and compressed", async () => {
    const tar = tarOf([{ path: "a", data: "x".repeat(100_000) }]);
    const whole = [tar.bytes, gzipSync(tar.bytes), zstdCompressSync(tar.bytes)];
    for (const bytes of whole) {
      const source = sourceOf(bytes.subarray(0, Math.floor(bytes.length / 2)), root.path);
      await expect(layers.unpack([tar.diffID], source, { signal })).rejects.toMatchObject({ code: "corrupt" });
    }
  });

  it("an empty file, and formats nobody here can read", async () => {
    const of = (bytes: Buffer) => layers.unpackBase(sourceOf(bytes, root.path), { signal });
    await expect(of(Buffer.alloc(0))).rejects.toMatchObject({
      code: "corrupt",
      message: "unpack layer: the tar is empty",
    });
    await expect(of(Buffer.from("BZh91AY"))).rejects.toMatchObject({ code: "unimplemented" });
    await expect(of(Buffer.from("fd377a585a00", "hex"))).rejects.toMatchObject({ code: "unimplemented" });
  });
});

describe("taken, and kept inside", () => {
  it("absolute names", async () => {
    const path = await unpack([{ path: "/tmp/" }, { path: "/tmp/gantry-escaped", data: "x" }]);
    expect(readFileSync(`${path}/tmp/gantry-escaped`, "utf8")).toBe("x");
  });

  it("files through an absolute symlink", async () => {
    const path = await unpack([link("out", bait), { path: "out/secret", data: "owned" }, { path: "out/new/" }]);
    expect(readFileSync(`${path}${bait}/secret`, "utf8")).toBe("owned");
    expect(statSync(`${path}${bait}/new`).isDirectory()).toBe(true);
    expect(readlinkSync(`${path}/out`)).toBe(bait);
  });

  it("files through an absolute symlink further down", async () => {
    const path = await unpack([{ path: "d/" }, link("d/out", bait), { path: "d/out/secret", data: "owned" }]);
    expect(readFileSync(`${path}${bait}/secret`, "utf8")).toBe("owned");
  });

  it("files through a symlink that climbs", async () => {
    const up = `${"../".repeat(20)}${bait.slice(1)}`;
    const path = await unpack([{ path: "d/" }, link("d/out", up), { path: "d/out/secret", data: "owned" }]);
    expect(readFileSync(`${path}${bait}/secret`, "utf8")).toBe("owned");
  });

  it("files through a chain of symlinks", async () => {
    const items = [
      link("a", "b"),
      link("b", "/c/.."),
      link("c", bait),
      { path: "a/x", data: "1" },
      { path: "c/y", data: "2" },
    ];
    const path = await unpack(items);
    const above = bait.slice(0, bait.lastIndexOf("/"));
    expect(readFileSync(`${path}${above}/x`, "utf8")).toBe("1");
    expect(readFileSync(`${path}${bait}/y`, "utf8")).toBe("2");
  });

  it("a file that replaces a symlink, without writing through it", async () => {
    const path = await unpack([link("a", `${bait}/secret`), { path: "a", data: "mine" }]);
    expect(readFileSync(`${path}/a`, "utf8")).toBe("mine");
    expect(lstatSync(`${path}/a`).isFile()).toBe(true);
  });

  it("a directory that becomes a symlink after it was used", async () => {
    const items: TarItem[] = [
      { path: "d/", mode: 0o777, uid: 1000, mtime: 5 },
      { path: "d/directory/", mode: 0o777, uid: 1000, mtime: 5 },
      { path: "d/directory/f", data: "x" },
      link("d", bait),
      { path: "d/secret", data: "owned" },
    ];
    const path = await unpack(items);
    expect(readlinkSync(`${path}/d`)).toBe(bait);
    expect(readFileSync(`${path}${bait}/secret`, "utf8")).toBe("owned");
    expect(statSync(`${bait}/directory`).mtimeMs).toBeGreaterThan(1e12);
  });

  it("a symlink that becomes a directory, and back", async () => {
    const path = await unpack([
      link("d", bait),
      { path: "d/" },
      { path: "d/directory/" },
      link("d", "x"),
      { path: "d/secret" },
    ]);
    expect(readdirSync(`${path}/x`)).toEqual(["secret"]);
  });

  it("a hard link to a symlink is the symlink, not what it points to", async () => {
    const path = await unpack([link("l", `${bait}/secret`), hardLink("h", "l")]);
    expect(readlinkSync(`${path}/h`)).toBe(`${bait}/secret`);
    expect(lstatSync(`${path}/h`).ino).toBe(lstatSync(`${path}/l`).ino);
  });

  it("a hard link to itself", async () => {
    const path = await unpack([{ path: "a", data: "kept" }, hardLink("a", "./a"), hardLink("a", "/a")]);
    expect(readFileSync(`${path}/a`, "utf8")).toBe("kept");
  });

  it("a hard link to what it replaces is refused", async () => {
    const items = [{ path: "d/" }, { path: "d/f", data: "x" }, hardLink("d", "d/f")];
    await expect(unpack(items)).rejects.toMatchObject({ code: "corrupt" });
  });

  it("whiteouts and opaque marks through a symlink", async () => {
    const items = [
      link("l", bait),
      { path: "l/.wh.secret" },
      { path: "l/directory/" },
      { path: "l/directory/.wh..wh..opq" },
    ];
    const path = await unpack(items);
    expect(lstatSync(`${path}${bait}/secret`)).toMatchObject({ rdev: 0, mode: 0o020000 });
  });

  it("attributes and times on symlinks touch only the link", async () => {
    const pax = { mtime: "12345.5", "SCHILY.xattr.user.a": "b" };
    const path = await unpack([{ ...link("l", `${bait}/secret`), uid: 1234, pax }]);
    expect(lstatSync(`${path}/l`)).toMatchObject({ uid: 1234, mtimeMs: 12_345_500 });
  });

  it("attributes that would tell overlayfs something", async () => {
    const pax = {
      "SCHILY.xattr.trusted.overlay.opaque": "y",
      "SCHILY.xattr.trusted.overlay.redirect": bait,
      "SCHILY.xattr.user.overlay.opaque": "y",
      "SCHILY.xattr.trusted.overlay.overlay.opaque": "y",
      "LIBARCHIVE.xattr.trusted.%6fverlay.metacopy": "",
      "SCHILY.xattr.user.harmless": "1",
    };
    const path = await unpack([
      { path: "d/", pax },
      { path: "f", pax },
    ]);
    const { llistxattr } = await import("../../engine/host/syscalls.ts");
    for (const name of ["d", "f"]) expect(llistxattr(`${path}/${name}`)).toEqual(["user.harmless"]);
  });

  it("a capability that is none is refused", async () => {
    const items = [{ path: "a", pax: { "SCHILY.xattr.security.capability": "x" } }];
    await expect(unpack(items)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringMatching(/entry a: cannot be written/),
    });
  });

  it("devices and fifos are made, never opened", async () => {
    const items: TarItem[] = [
      { path: "zero", type: "3", major: 1, minor: 5, mode: 0o666 },
      { path: "disk", type: "4", major: 259, minor: 70_000, mode: 0o600 },
      { path: "pipe", type: "6", mode: 0o644, uid: 5 },
      { path: "pipe", data: "a file now" },
    ];
    const path = await unpack(items);
    expect(lstatSync(`${path}/zero`)).toMatchObject({ rdev: 0x105, mode: 0o020666 });
    expect(lstatSync(`${path}/disk`).isBlockDevice()).toBe(true);
    expect(readFileSync(`${path}/pipe`, "utf8")).toBe("a file now");
  });

  it("names that are no UTF-8, and odd ones", async () => {
    const path = await unpack([
      { path: "\xff\xfe", data: "1" },
      { path: "new\nline", data: "2" },
      { path: "-rf", data: "3" },
    ]);
    const names = readdirSync(path, { encoding: "latin1" }).sort();
    expect(names).toEqual(["-rf", "new\nline", "\xff\xfe"]);
  });

  it("a sparse file that claims eight exabytes is refused or a hole", async () => {
    const pax = { "GNU.sparse.size": "9007199254740991", "GNU.sparse.map": "0,1" };
    await expect(unpack([{ path: "x", data: "a", pax }])).rejects.toMatchObject({
      message: /entry x: cannot be written/,
    });
  });

  it("a deep tree of symlinks to itself ends", async () => {
    const items = [link("a", "."), { path: `${"a/".repeat(500)}f`, pax: { path: `${"a/".repeat(500)}f` }, data: "x" }];
    await expect(unpack(items)).resolves.toContain("/layers/");
  });
});

it("removes a link, never what it points to", () => {
  symlinkSync(bait, root.join("to-bait"));
  mkdirSync(root.join("tree/a"), { recursive: true });
  symlinkSync(bait, root.join("tree/a/link"));
  for (const name of ["to-bait", "tree", "gone"]) removeTree(root.join(name), root.path);
  expect(readdirSync(root.path).sort()).toEqual(["bait", "engine"]);
});

it("a digest that does not fit leaves nothing", async () => {
  const wrong = madeOf(Buffer.from("something else")).diffID;
  const source = sourceOf(tarOf({ "etc/motd": "hello" }), root.path);
  const failure = { code: "corrupt", message: expect.stringContaining(`want ${wrong}, got sha256:`) };
  await expect(layers.unpack([wrong], source, { signal })).rejects.toMatchObject(failure);
  expect(readdirSync(root.join("engine/layers"))).toEqual([]);
});
