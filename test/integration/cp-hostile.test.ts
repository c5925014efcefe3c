/** Copies from and into containers that want them to go elsewhere (CVE-2018-15664, CVE-2019-14271 and their like). */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LocalUnpacker } from "../../src/cli/copy/unpack-local.ts";
import { copyIn } from "../../src/client/upload.ts";
import {
  createContainer,
  eventually,
  readLog,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { copyOut, entriesOf, listingOf } from "../support/tar-listing.ts";
import { type TarItem, tarOf } from "../support/tar-of.ts";

let engine: TestEngine;
let directory: string;

beforeAll(async () => {
  engine = await startTestEngine();
  directory = await mkdtemp("/tmp/gantry-test-");
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function unpack(container: string, items: readonly TarItem[], options: { path?: string; overwrite?: boolean } = {}) {
  const fields = { container, path: options.path ?? "/", keepOwner: false, noOverwriteDirNonDir: !options.overwrite };
  return copyIn(engine.client, once(tarOf(items).bytes), fields);
}

const rootfsOf = (id: string) => join(engine.config.root, "containers", id, "upper");

describe.each(["created", "running"])("a tar into a %s container", (state) => {
  let container: string;
  beforeAll(async () => {
    container = await (state === "running" ? runContainer : createContainer)(engine, {});
  });

  it("never leaves it, whatever its names and links are", async () => {
    const outside = join(directory, `outside-${state}`);
    const links: TarItem[] = [
      { path: "abs", type: "2", linkPath: directory },
      { path: `abs/outside-${state}`, data: "x" },
      { path: "up", type: "2", linkPath: "../../../../../../../.." },
      { path: `up${outside}`, data: "x" },
      { path: "fd", type: "2", linkPath: "/proc/self/root" },
      { path: `fd${outside}`, data: "x" },
    ];
    for (const item of [links.slice(0, 2), links.slice(2, 4), links.slice(4)]) {
      await unpack(container, item).catch(() => undefined);
      expect(existsSync(outside)).toBe(false);
    }
    // The link led to the same path inside.
    expect(existsSync(join(rootfsOf(container), outside))).toBe(true);
  });

  it.each<[string, TarItem[]]>([
    ["a name with ..", [{ path: "../../escaped", data: "x" }]],
    ["a hard link to a host's file", [{ path: "h", type: "1", linkPath: "../../../../etc/passwd" }]],
    ["a whiteout device", [{ path: "w", type: "3", major: 0, minor: 0 }]],
    ["a device that cannot be", [{ path: "w", type: "4", major: 100_000, minor: 0 }]],
    [
      "a file below a file",
      [
        { path: "plain", data: "x" },
        { path: "plain/in", data: "x" },
      ],
    ],
    ["a truncated tar", [{ path: "cut", data: "x", size: 100_000 }]],
  ])("is refused with %s", async (_what, items) => {
    await expect(unpack(container, items)).rejects.toThrow();
    await expect(copyOut(engine, container, "/escaped")).rejects.toMatchObject({ code: "not-found" });
  });

  it("keeps modes, owners, times, attributes, hard links, fifos and devices", async () => {
    const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
    await unpack(container, [
      { path: "kept/", mode: 0o2750, uid: 5, gid: 6, mtime: 1_000_000 },
      { path: "kept/suid", data: "s", mode: 0o4755, uid: 7, gid: 8, mtime: 2_000_000 },
      {
        path: "kept/cap",
        data: "c",
        pax: { "SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.a": "b" },
      },
      { path: "kept/link", type: "1", linkPath: "kept/suid" },
      { path: "kept/fifo", type: "6", mode: 0o640 },
      { path: "kept/null", type: "3", major: 1, minor: 3, mode: 0o666 },
      { path: `kept/${"long".repeat(40)}`, data: "l", pax: { path: `kept/${"long".repeat(40)}` } },
    ]);
    const entries = await entriesOf(await copyOut(engine, container, "/kept"));
    const shown = entries.map(({ name, type, mode, uid, gid, linkname }) => [name, type, mode, uid, gid, linkname]);
    expect(shown).toEqual([
      ["kept/", "directory", 0o2750, 5, 6, null],
      ["kept/cap", "file", 0o644, 0, 0, null],
      ["kept/fifo", "fifo", 0o640, 0, 0, null],
      ["kept/link", "file", 0o4755, 7, 8, null],
      [`kept/${"long".repeat(40)}`, "file", 0o644, 0, 0, null],
      ["kept/null", "character-device", 0o666, 0, 0, null],
      ["kept/suid", "link", 0o4755, 7, 8, "kept/link"],
    ]);
    expect(entries.map(({ mtime }) => mtime.getTime() / 1000).slice(0, 4)).toEqual([1e6, 1e9, 1e9, 2e6]);
    const pax = entries[1]?.pax as Record<string, string>;
    expect(pax["SCHILY.xattr.user.a"]).toBe("b");
    expect(Object.keys(pax)).toContain("SCHILY.xattr.security.capability");
    expect(entries[5]).toMatchObject({ devmajor: 1, devminor: 3 });
  });

  it("replaces a directory by a file only where that is allowed", async () => {
    await unpack(container, [{ path: "swap/" }, { path: "swap/in", data: "x" }]);
    const file: TarItem[] = [{ path: "swap", data: "file" }];
    await expect(unpack(container, file)).rejects.toThrow("cannot overwrite directory /swap with non-directory");
    await unpack(container, file, { overwrite: true });
    expect(await listingOf(await copyOut(engine, container, "/swap"))).toEqual(["swap = file"]);
  });
});

describe("a container that swaps a directory for a link while it is copied", () => {
  it("leads no copy out of it", async () => {
    const secret = join(directory, "secret");
    mkdirSync(secret);
    writeFileSync(join(secret, "f"), "of the host");
    const script = `mkdir -p /s/real /away${secret}; echo own > /s/real/f; echo own > /away${secret}/f; cd /s; echo ready
      while :; do mv real d; mv d real; ln -s ${secret} d; rm d; done`;
    const container = await runContainer(engine, { command: ["sh", "-c", script] });
    await eventually(async () => (await readLog(engine, container)).includes("ready"));
    for (const deadline = Date.now() + 3000; Date.now() < deadline; ) {
      const listing = await copyOut(engine, container, "/s/d/f").then(listingOf, () => []);
      expect(listing.join()).not.toContain("host");
      const whole = await copyOut(engine, container, "/s/d/.").then(listingOf, () => []);
      expect(whole.join()).not.toContain("host");
      await unpack(container, [{ path: "d/new", data: "x" }], { path: "/s" }).catch(() => undefined);
      expect(readdirSync(secret)).toEqual(["f"]);
    }
    await engine.client.request("containers.remove", { container, force: true, volumes: true });
  });

  it("cannot make the engine open its fifos and devices, nor follow its links", async () => {
    const script =
      "mkdir /x; mkfifo /x/p; ln -s /etc/passwd /x/l; ln -s l /x/ll; mknod /x/z c 1 5; echo ready; sleep 300";
    const container = await runContainer(engine, { command: ["sh", "-c", script] });
    await eventually(async () => (await readLog(engine, container)).includes("ready"));
    expect(await listingOf(await copyOut(engine, container, "/x"))).toEqual([
      "x/",
      "x/l -> /etc/passwd",
      "x/ll -> l",
      "x/p",
      "x/z",
    ]);
    const stat = await engine.client.request("containers.statPath", { container, path: "/x/ll" });
    expect(stat).toMatchObject({ name: "ll", linkTarget: "/etc/passwd" });
  });
});

describe("mounts", () => {
  it("are copied from and into as the container sees them, and not where they are read-only", async () => {
    const [rw, ro] = [join(directory, "rw"), join(directory, "ro")];
    for (const path of [rw, ro]) mkdirSync(path);
    writeFileSync(join(ro, "f"), "ro");
    const bind = { type: "bind" as const, createSource: false, options: [] };
    const mounts = [
      { ...bind, source: rw, target: "/mnt/rw", readOnly: false },
      { ...bind, source: ro, target: "/mnt/ro", readOnly: true },
      { type: "tmpfs" as const, source: "", target: "/mnt/tmp", readOnly: false, createSource: false, options: [] },
    ];
    const command = ["sh", "-c", "echo t > /mnt/tmp/f; echo ready; sleep 300"];
    const container = await createContainer(engine, { mounts, command });
    const seen = async () => await listingOf(await copyOut(engine, container, "/mnt"));
    expect(await seen().catch(String)).toEqual(expect.stringContaining("could not find"));
    await engine.client.request("containers.start", { container });
    await eventually(async () => (await readLog(engine, container)).includes("ready"));
    const whole = ["mnt/", "mnt/ro/", "mnt/ro/f = ro", "mnt/rw/", "mnt/tmp/", "mnt/tmp/f = t"];
    expect(await seen()).toEqual(whole);
    await unpack(container, [{ path: "new", data: "n" }], { path: "/mnt/rw" });
    await unpack(container, [{ path: "new", data: "n" }], { path: "/mnt/tmp" });
    expect(readFileSync(join(rw, "new"), "utf8")).toBe("n");
    for (const [path, items] of [
      ["/mnt/ro", [{ path: "new", data: "n" }]],
      ["/mnt", [{ path: "ro/new", data: "n" }]],
      ["/", [{ path: "mnt/ro/f", data: "n" }]],
    ] as const) {
      await expect(unpack(container, items, { path })).rejects.toMatchObject({ code: "permission-denied" });
    }
    const replaced = unpack(container, [{ path: "etc/hosts", data: "n" }]);
    await expect(replaced).rejects.toThrow("/etc/hosts is a mount point");
    expect(readdirSync(ro)).toEqual(["f"]);
    await engine.client.request("containers.stop", { container, timeout: 0 });
    expect(await seen()).toEqual(["mnt/", "mnt/ro/", "mnt/ro/f = ro", "mnt/rw/", "mnt/rw/new = n", "mnt/tmp/"]);
  });

  it("do not hide that the root file system is read-only", async () => {
    const container = await createContainer(engine, { readOnlyRootfs: true });
    const failure = unpack(container, [{ path: "f", data: "x" }]);
    await expect(failure).rejects.toThrow("container rootfs is marked read-only");
  });
});

describe("a tar from a container, here", () => {
  const place = (name: string) => {
    const path = join(directory, name);
    mkdirSync(path);
    return path;
  };
  const take = async (path: string, items: readonly TarItem[]) => {
    const unpacker = new LocalUnpacker({ directory: path, rename: null });
    await unpacker.write(tarOf(items).bytes);
    await unpacker.end();
  };

  it.each<[string, TarItem[]]>([
    ["..", [{ path: "../out", data: "x" }]],
    [
      "a link and a file behind it",
      [
        { path: "l", type: "2", linkPath: ".." },
        { path: "l/out", data: "x" },
      ],
    ],
    [
      "an absolute link",
      [
        { path: "l", type: "2", linkPath: "HERE" },
        { path: "l/out", data: "x" },
      ],
    ],
    ["a hard link to elsewhere", [{ path: "h", type: "1", linkPath: "../../../../etc/passwd" }]],
    [
      "a hard link through a link",
      [
        { path: "l", type: "2", linkPath: "/etc" },
        { path: "h", type: "1", linkPath: "l/passwd" },
      ],
    ],
  ])("stays where it was asked to, with %s", async (what, items) => {
    const path = place(`with ${what}`);
    const here = items.map((item) => (item.linkPath === "HERE" ? { ...item, linkPath: directory } : item));
    await expect(take(path, here)).rejects.toThrow();
    expect(existsSync(join(directory, "out"))).toBe(false);
    expect(readdirSync(path).filter((name) => !lstatSync(join(path, name)).isSymbolicLink())).toEqual([]);
  });

  it("replaces a link of the archive's own, and writes not through it", async () => {
    const path = place("replaced");
    const target = join(directory, "target");
    writeFileSync(target, "kept");
    await take(path, [
      { path: "f", type: "2", linkPath: target },
      { path: "f", data: "new" },
    ]);
    expect(readFileSync(target, "utf8")).toBe("kept");
    expect(readFileSync(join(path, "f"), "utf8")).toBe("new");
  });

  it("keeps modes, times, links and fifos, absolute names made relative", async () => {
    const path = place("kept");
    await take(path, [
      { path: "/d/", mode: 0o700, mtime: 1_000_000 },
      { path: "/d/f", data: "f", mode: 0o4711, mtime: 2_000_000 },
      { path: "d/h", type: "1", linkPath: "d/f" },
      { path: "d/l", type: "2", linkPath: "../../up" },
      { path: "d/p", type: "6", mode: 0o600 },
    ]);
    expect(statSync(join(path, "d"))).toMatchObject({ mode: 0o040700, mtimeMs: 1e9 });
    expect(statSync(join(path, "d/h"))).toMatchObject({ mode: 0o104711, mtimeMs: 2e9, nlink: 2 });
    expect(readlinkSync(join(path, "d/l"))).toBe("../../up");
    expect(lstatSync(join(path, "d/p")).isFIFO()).toBe(true);
  });
});

it("ends its work when the client goes", async () => {
  const container = await createContainer(engine, {});
  const client = await engine.connect();
  const fields = { container, path: "/", keepOwner: false, noOverwriteDirNonDir: false };
  const never = (async function* () {
    yield tarOf([{ path: "half", data: "x".repeat(100_000) }]).bytes.subarray(0, 50_000);
    await sleep(60_000, undefined, { ref: false });
  })();
  const copy = copyIn(client, never, fields);
  copy.catch(() => undefined);
  await eventually(() => existsSync(join(rootfsOf(container), "half")));
  client.close();
  await expect(copy).rejects.toThrow();
  // Its mount is let go of with it.
  const rootfs = join(engine.config.root, "containers", container, "rootfs");
  await eventually(() => statSync(rootfs).dev === statSync(join(rootfs, "..")).dev);
});
