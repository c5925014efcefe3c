import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type DiffID, sha256 } from "../../engine/oci/digest.ts";
import { base, layers, made, marked, reopen, root, signal, stack, tarOfLayer } from "../support/step-layers.ts";
import { listingOf } from "../support/tar-listing.ts";
import { sourceOf } from "../support/tar-of.ts";

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
