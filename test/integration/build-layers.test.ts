import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { llistxattr, lsetxattr } from "../../engine/host/syscalls.ts";
import { rebuildTar } from "../../engine/images/rebuild-tar.ts";
import type { CommitLayerOptions, CommittedLayer, LayerStore } from "../../engine/layers/layer-store.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import { type DiffID, hexOf, sha256 } from "../../engine/oci/digest.ts";
import { type LayerFiles, unpackStack } from "../support/layer-stack.ts";
import { listingOf } from "../support/tar-listing.ts";
import { madeOf, sourceOf } from "../support/tar-of.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let root: TempRoot;
let layers: LayerStore;
const { signal } = new AbortController();

beforeEach(async () => {
  root = await tempRoot();
  layers = await openLayerStore({ root: root.join("engine") });
});
afterEach(async () => {
  for (const key of layers.listWritable()) await layers.remove(key);
  await layers[Symbol.asyncDispose]();
  await root[Symbol.asyncDispose]();
});

const stack = (...tars: LayerFiles[]): Promise<DiffID[]> => unpackStack(layers, root.path, tars);
const marked = (layer: CommittedLayer) => root.join("engine/layers", hexOf(layer.diffID), "unsynced");

async function reopen(): Promise<void> {
  await layers[Symbol.asyncDispose]();
  layers = await openLayerStore({ root: root.join("engine") });
}

let steps = 0;

/** A step of a build: what `work` does to the files becomes a layer. */
async function step(
  chain: readonly DiffID[],
  work: (rootfs: string) => unknown,
  options: Partial<CommitLayerOptions> = {},
): Promise<CommittedLayer | null> {
  const key = `step-${steps++}`;
  await layers.prepare(key, chain);
  await work(await layers.mount(key, { isVolatile: true }));
  return await layers.commit(key, { signal, ...options });
}

async function made(...parameters: Parameters<typeof step>): Promise<CommittedLayer> {
  const layer = await step(...parameters);
  if (layer === null) throw new Error("nothing was changed");
  return layer;
}

async function tarOfLayer(chain: readonly DiffID[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of rebuildTar(layers, chain, signal)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const base = { "etc/motd": "old", "etc/hosts": "h", "usr/bin/tool": "tool", "gone/deep/file": "1", "opaque/old": "1" };

describe("a step's layer", () => {
  it("is what the step has changed, with the digest of the tar that is made of it later", async () => {
    const chain = await stack(base);
    const layer = await made(chain, (rootfs) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      rmSync(`${rootfs}/gone`, { recursive: true });
      rmSync(`${rootfs}/opaque`, { recursive: true });
      mkdirSync(`${rootfs}/opaque/inner`, { recursive: true });
      writeFileSync(`${rootfs}/opaque/inner/fresh`, "fresh");
      linkSync(`${rootfs}/opaque/inner/fresh`, `${rootfs}/opaque/inner/linked`);
      execFileSync("mkfifo", [`${rootfs}/opaque/pipe`]);
      lsetxattr(`${rootfs}/opaque/inner/fresh`, "user.note", Buffer.from("mine"));
    });
    const whole = [...chain, layer.diffID];
    const tar = await tarOfLayer(whole);
    expect(sha256(tar)).toBe(layer.diffID);
    expect(await listingOf(tar)).toEqual([
      ".wh.gone = ",
      "etc/",
      "etc/motd = new",
      "opaque/",
      "opaque/.wh..wh..opq = ",
      "opaque/inner/",
      "opaque/inner/fresh = fresh",
      "opaque/inner/linked => opaque/inner/fresh",
      "opaque/pipe",
    ]);
    expect(layer).toMatchObject({ size: 8, entries: 9 });
    await layers.prepare("next", whole);
    const next = await layers.mount("next");
    expect(readdirSync(next).sort()).toEqual(["etc", "opaque", "usr"]);
    expect(readFileSync(`${next}/etc/motd`, "utf8")).toBe("new");
    expect(readFileSync(`${next}/etc/hosts`, "utf8")).toBe("h");
    expect(readdirSync(`${next}/opaque`).sort()).toEqual(["inner", "pipe"]);
  });

  it("is the same layer as the one its tar is unpacked to", async () => {
    const chain = await stack(base);
    const work = (rootfs: string) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      rmSync(`${rootfs}/gone`, { recursive: true });
      rmSync(`${rootfs}/opaque`, { recursive: true });
      mkdirSync(`${rootfs}/opaque/dir`, { recursive: true });
      for (const path of ["opaque", "opaque/dir"]) utimesSync(`${rootfs}/${path}`, 1.5, 1.5);
      linkSync(`${rootfs}/etc/motd`, `${rootfs}/opaque/dir/linked`);
      lsetxattr(`${rootfs}/etc/motd`, "user.note", Buffer.from("mine"));
      execFileSync("mknod", [`${rootfs}/opaque/null`, "c", "1", "3"]);
      execFileSync("truncate", ["-s", "1M", `${rootfs}/opaque/sparse`]);
      chownSync(`${rootfs}/opaque/sparse`, 1000, 2000);
    };
    // Long ago, so that what is unpacked now has other times where it may.
    using layer = await made(chain, work, { latest: 1000 });
    const whole = [...chain, layer.diffID];
    const tar = madeOf(await tarOfLayer(whole));
    const source = sourceOf(tar, root.path);
    const names = layers.upkeep.namesOf(whole);
    expect(await layers.upkeep.verify(String(names[1]), source, { signal })).toMatchObject({ problems: [] });
    await using elsewhere = await openLayerStore({ root: root.join("other") });
    await elsewhere.unpackBase(sourceOf(tar, root.path), { signal });
    expect(elsewhere.find([layer.diffID])).toMatchObject({ size: layer.size, entries: layer.entries });
    const again: Uint8Array[] = [];
    for await (const chunk of rebuildTar(elsewhere, [layer.diffID], signal)) again.push(Buffer.from(chunk));
    expect(sha256(Buffer.concat(again))).toBe(layer.diffID);
  });

  it("is seen to be damaged without its tar", async () => {
    const chain = await stack(base);
    using layer = await made(chain, (rootfs) => writeFileSync(`${rootfs}/etc/motd`, "new"));
    const whole = [...chain, layer.diffID];
    const name = String(layers.upkeep.namesOf(whole)[1]);
    expect(await layers.upkeep.verify(name, null, { signal })).toEqual({ digests: null, problems: [] });
    const file = `${layers.pathOf(whole)}/etc/motd`;
    const { mtimeMs } = statSync(file);
    writeFileSync(file, "bad");
    utimesSync(file, mtimeMs / 1000, mtimeMs / 1000);
    expect(await layers.upkeep.verify(name, null, { signal })).toEqual({
      digests: null,
      problems: ["its files are not what they were when it was made"],
    });
  });

  it("is none where nothing was changed, but for mount points", async () => {
    const chain = await stack(base);
    expect(await step(chain, () => {})).toBeNull();
    const mountPoints = ["/proc", "/etc/resolv.conf", "/run/secrets/key", "/run/secrets", "/run", "/usr/bin/tool"];
    const empty = await step(
      chain,
      (rootfs) => {
        mkdirSync(`${rootfs}/proc`);
        mkdirSync(`${rootfs}/run/secrets`, { recursive: true });
        writeFileSync(`${rootfs}/run/secrets/key`, "");
        writeFileSync(`${rootfs}/etc/resolv.conf`, "");
      },
      { mountPoints },
    );
    expect(empty).toBeNull();
    expect(layers.listWritable()).toEqual([]);
  });

  it("keeps what was changed beside mount points, with its times", async () => {
    const chain = await stack(base);
    const layer = await made(
      chain,
      (rootfs) => {
        mkdirSync(`${rootfs}/proc`);
        writeFileSync(`${rootfs}/etc/resolv.conf`, "");
        writeFileSync(`${rootfs}/etc/mine`, "mine");
        mkdirSync(`${rootfs}/sys`);
        writeFileSync(`${rootfs}/sys/kept`, "");
        utimesSync(`${rootfs}/etc`, 1000, 1000);
      },
      { mountPoints: ["/proc", "/sys", "/etc/resolv.conf"] },
    );
    const fs = layers.pathOf([...chain, layer.diffID]);
    expect(readdirSync(fs).sort()).toEqual(["etc", "sys"]);
    expect(readdirSync(`${fs}/etc`)).toEqual(["mine"]);
    expect(statSync(`${fs}/etc`).mtimeMs).toBe(1_000_000);
    expect(sha256(await tarOfLayer([...chain, layer.diffID]))).toBe(layer.diffID);
  });

  it("follows no link to a mount point", async () => {
    const chain = await stack(base);
    mkdirSync(root.join("host"));
    writeFileSync(root.join("host/empty"), "");
    const layer = await made(
      chain,
      (rootfs) => {
        rmSync(`${rootfs}/etc`, { recursive: true });
        execFileSync("ln", ["-s", root.join("host"), `${rootfs}/etc`]);
      },
      { mountPoints: ["/etc/empty", "/etc"] },
    );
    expect(existsSync(root.join("host/empty"))).toBe(true);
    expect(lstatSync(`${layers.pathOf([...chain, layer.diffID])}/etc`).isSymbolicLink()).toBe(true);
  });

  it("has nothing in it that no tar of a layer holds", async () => {
    const chain = await stack(base);
    const layer = await made(chain, async (rootfs) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      writeFileSync(`${rootfs}/etc/.wh.hosts`, "");
      mkdirSync(`${rootfs}/usr/bin/.wh..wh..opq`);
      const server = createServer().listen(`${rootfs}/etc/socket`);
      await new Promise((resolve) => server.on("listening", resolve));
      // Node takes the name away when it closes; here it stays as a killed server leaves it.
      execFileSync("cp", ["-a", `${rootfs}/etc/socket`, `${rootfs}/usr/bin/socket`]);
      await new Promise((resolve) => server.close(resolve));
    });
    const fs = layers.pathOf([...chain, layer.diffID]);
    expect(execFileSync("find", [".", "-type", "f"], { cwd: fs, encoding: "utf8" }).trim()).toBe("./etc/motd");
    expect(readdirSync(`${fs}/usr/bin`)).toEqual([]);
    for (const path of ["", "/etc", "/etc/motd"]) {
      expect(llistxattr(`${fs}${path}`).filter((name) => name.startsWith("trusted."))).toEqual([]);
    }
    expect(sha256(await tarOfLayer([...chain, layer.diffID]))).toBe(layer.diffID);
  });

  it("has no time later than it may", async () => {
    const chain = await stack(base);
    const work = (rootfs: string) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      writeFileSync(`${rootfs}/etc/early`, "early");
      utimesSync(`${rootfs}/etc/early`, 500, 500);
      rmSync(`${rootfs}/gone`, { recursive: true });
      mkdirSync(`${rootfs}/dir`);
    };
    const one = await made(chain, work, { latest: 1000 });
    const fs = layers.pathOf([...chain, one.diffID]);
    expect(["etc", "etc/motd", "etc/early", "gone", "dir"].map((path) => lstatSync(`${fs}/${path}`).mtimeMs)).toEqual([
      1_000_000, 1_000_000, 500_000, 1_000_000, 1_000_000,
    ]);
    const other = await made(chain, work, { latest: 1000 });
    expect(other.diffID).toBe(one.diffID);
  });

  it("is dropped where it is there already", async () => {
    const chain = await stack(base);
    const work = (rootfs: string) => {
      writeFileSync(`${rootfs}/etc/motd`, "new");
      for (const path of ["etc/motd", "etc"]) utimesSync(`${rootfs}/${path}`, 1000, 1000);
    };
    const both = await Promise.all([made(chain, work), made(chain, work)]);
    expect(both[0].diffID).toBe(both[1].diffID);
    expect(layers.listWritable()).toEqual([]);
    const inMaking = () => readdirSync(root.join("engine/layers")).filter((name) => name.startsWith(".new"));
    await vi.waitFor(() => expect(inMaking()).toEqual([]));
  });
});

describe("a step's layer that cannot be kept", () => {
  it("is left where it is on a full disk", async () => {
    const small = root.join("small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
    await using store = await openLayerStore({ root: small });
    await store.prepare("full", []);
    const rootfs = await store.mount("full", { isVolatile: true });
    writeFileSync(`${rootfs}/kept`, "kept");
    const fill = () => {
      for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
        try {
          for (;;) appendFileSync(`${rootfs}/fill`, Buffer.alloc(size));
        } catch {
          // Full for so many bytes.
        }
      }
    };
    fill();
    await expect(store.commit("full", { signal })).rejects.toMatchObject({ code: "resource-exhausted" });
    expect(store.upkeep.list()).toEqual([]);
    expect(readFileSync(`${await store.mount("full")}/kept`, "utf8")).toBe("kept");
    rmSync(`${rootfs}/fill`);
    const layer = await store.commit("full", { signal });
    expect(layer).toMatchObject({ entries: 1, size: 4 });
    expect(store.listWritable()).toEqual([]);
  });

  it("is left where it is when nobody wants it any more", async () => {
    const chain = await stack(base);
    await layers.prepare("step", chain);
    writeFileSync(`${await layers.mount("step")}/kept`, "kept");
    await expect(layers.commit("step", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
    expect(layers.listWritable()).toEqual(["step"]);
    await expect(layers.commit("none", { signal })).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("squashing", () => {
  it("makes one layer that does what several did, and hides what they hid", async () => {
    const chain = await stack(base);
    const one = await made(chain, (rootfs) => {
      writeFileSync(`${rootfs}/etc/motd`, "one");
      writeFileSync(`${rootfs}/passing`, "passing");
      rmSync(`${rootfs}/gone/deep`, { recursive: true });
      rmSync(`${rootfs}/opaque`, { recursive: true });
      mkdirSync(`${rootfs}/dir`);
      writeFileSync(`${rootfs}/dir/one`, "one");
      linkSync(`${rootfs}/dir/one`, `${rootfs}/dir/linked`);
    });
    const two = await made([...chain, one.diffID], (rootfs) => {
      writeFileSync(`${rootfs}/etc/motd`, "two");
      rmSync(`${rootfs}/passing`);
      mkdirSync(`${rootfs}/opaque`);
      writeFileSync(`${rootfs}/opaque/two`, "two");
      writeFileSync(`${rootfs}/dir/two`, "two");
    });
    const squashed = await layers.squash([...chain, one.diffID, two.diffID], 1, { signal });
    const whole = [...chain, squashed?.diffID as DiffID];
    const tar = await tarOfLayer(whole);
    expect(sha256(tar)).toBe(squashed?.diffID);
    expect(await listingOf(tar)).toEqual([
      "dir/",
      "dir/linked = one",
      "dir/one => dir/linked",
      "dir/two = two",
      "etc/",
      "etc/motd = two",
      "gone/",
      "gone/.wh.deep = ",
      "opaque/",
      "opaque/.wh..wh..opq = ",
      "opaque/two = two",
    ]);
    await layers.prepare("squashed", whole);
    const rootfs = await layers.mount("squashed");
    expect(readdirSync(rootfs).sort()).toEqual(["dir", "etc", "gone", "opaque", "usr"]);
    expect(readdirSync(`${rootfs}/opaque`)).toEqual(["two"]);
    expect(readdirSync(`${rootfs}/gone`)).toEqual([]);
    expect(statSync(`${rootfs}/dir/one`).nlink).toBe(2);
  });

  it("is nothing where the layers undo each other, and everything without one below", async () => {
    const one = await made([], (rootfs) => writeFileSync(`${rootfs}/passing`, "passing"));
    const two = await made([one.diffID], (rootfs) => rmSync(`${rootfs}/passing`));
    expect(await layers.squash([one.diffID, two.diffID], 0, { signal })).toBeNull();
    const three = await made([one.diffID], (rootfs) => writeFileSync(`${rootfs}/three`, "3"), { latest: 1000 });
    const whole = await layers.squash([one.diffID, three.diffID], 0, { signal, latest: 500 });
    const fs = layers.pathOf([whole?.diffID as DiffID]);
    expect(readdirSync(fs).sort()).toEqual(["passing", "three"]);
    expect(statSync(`${fs}/three`).mtimeMs).toBe(500_000);
    expect(statSync(`${layers.pathOf([one.diffID, three.diffID])}/three`).mtimeMs).toBe(1_000_000);
  });
});

describe("a step's layer and sweeps", () => {
  it("is held, with what it stands on, until nobody holds it any more", async () => {
    const chain = await stack(base);
    const layer = await made(chain, (rootfs) => writeFileSync(`${rootfs}/etc/motd`, "new"));
    await layers.sweep([]);
    expect(layers.findAll([...chain, layer.diffID]).includes(null)).toBe(false);
    layer[Symbol.dispose]();
    await layers.sweep([]);
    expect(layers.findAll([...chain, layer.diffID])).toEqual([null, null]);
  });
});

describe("a power cut", () => {
  it("takes away what was not persisted, and nothing else", async () => {
    const chain = await stack(base);
    const lost = await made(chain, (rootfs) => writeFileSync(`${rootfs}/etc/motd`, "lost"));
    const kept = await made(chain, (rootfs) => writeFileSync(`${rootfs}/etc/motd`, "kept"));
    await layers.persist([...chain, kept.diffID]);
    expect([lost, kept].map((layer) => existsSync(marked(layer)))).toEqual([true, false]);
    await reopen();
    expect(layers.find([...chain, lost.diffID])).not.toBeNull();
    writeFileSync(marked(lost), "another boot");
    await reopen();
    expect(layers.find([...chain, lost.diffID])).toBeNull();
    expect(layers.find([...chain, kept.diffID])).not.toBeNull();
  });

  it("spares what an image has brought meanwhile", async () => {
    const chain = await stack(base);
    const layer = await made(chain, (rootfs) => writeFileSync(`${rootfs}/etc/motd`, "new"));
    const whole = [...chain, layer.diffID];
    const source = sourceOf(await tarOfLayer(whole), root.path);
    await layers.unpack(whole, source, { signal });
    expect(existsSync(marked(layer))).toBe(false);
  });
});

describe("a volatile mount", () => {
  it("can be unmounted and mounted again", async () => {
    const chain = await stack(base);
    await layers.prepare("twice", chain);
    const rootfs = await layers.mount("twice", { isVolatile: true });
    writeFileSync(`${rootfs}/one`, "1");
    await layers.unmount("twice");
    await layers.mount("twice", { isVolatile: true });
    writeFileSync(`${rootfs}/two`, "2");
    await layers.unmount("twice");
    await layers.mount("twice");
    expect(readdirSync(rootfs).sort()).toEqual(["etc", "gone", "one", "opaque", "two", "usr"]);
  });
});
