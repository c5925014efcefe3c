import { chownSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mountMapped } from "../../engine/host/idmapped-mounts.ts";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { openMappingNamespace } from "../../engine/host/user-namespaces.ts";
import type { LayerStore } from "../../engine/layers/layer-store.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
import { unpackStack } from "../support/layer-stack.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

const ids = { start: 2 ** 30, size: 65_536 };
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

async function chainOf(count: number): Promise<DiffID[]> {
  const tars = Array.from({ length: count }, (_, index) => [
    { path: `file-${index}`, data: String(index), uid: index, gid: index },
  ]);
  return unpackStack(layers, root.path, tars);
}

const ownerOf = (path: string) => statSync(path).uid;
const mountsBelow = (path: string) => listMounts().filter(({ target }) => target.startsWith(path));

describe("a file system whose ids are a container's own", () => {
  it("shows them shifted, and keeps them on the disk as they are", async () => {
    await layers.prepare("own", await chainOf(3), ids);
    const rootfs = await layers.mount("own");
    expect([0, 1, 2].map((index) => ownerOf(`${rootfs}/file-${index}`))).toEqual(
      [0, 1, 2].map((uid) => ids.start + uid),
    );
    writeFileSync(`${rootfs}/new`, "x");
    chownSync(`${rootfs}/new`, ids.start + 33, ids.start + 33);
    chownSync(`${rootfs}/file-2`, ids.start, ids.start);
    renameSync(`${rootfs}/file-1`, `${rootfs}/renamed`);
    rmSync(`${rootfs}/file-0`);
    const { upper } = layers.writablePlaceOf("own");
    expect(ownerOf(`${upper}/new`)).toBe(33);
    expect(ownerOf(`${upper}/file-2`)).toBe(0);
    expect(ownerOf(`${upper}/renamed`)).toBe(1);
    expect((await layers.changes("own", 10)).changes.map(({ path }) => path)).toEqual([
      "/file-0",
      "/file-1",
      "/file-2",
      "/new",
      "/renamed",
    ]);
  });

  it("leaves no mount but its own in sight, with many layers, and takes it away again", async () => {
    await layers.prepare("many", await chainOf(60), ids);
    const rootfs = await layers.mount("many");
    expect(readdirSync(rootfs)).toHaveLength(60);
    expect(mountsBelow(root.path).map(({ target }) => target)).toEqual([rootfs]);
    await layers.unmount("many");
    await layers.mount("many");
    await layers.remove("many");
    expect(mountsBelow(root.path)).toEqual([]);
  });

  it("lets no file system be seen that the kernel cannot map", async () => {
    using namespace = await openMappingNamespace(ids);
    mkdirSync(root.join("target"));
    const map = () => mountMapped("/proc/sys", root.join("target"), { userNamespace: namespace.user });
    expect(map).toThrow("map ids of /proc/sys: its file system cannot do it");
    expect(mountsBelow(root.path)).toEqual([]);
  });

  it("is known to the next engine, with what the last one left half done", async () => {
    await layers.prepare("kept", await chainOf(1), ids);
    expect(statSync(root.join("engine/containers/kept")).gid).toBe(ids.start);
    await layers[Symbol.asyncDispose]();
    const place = root.join("engine/containers/.mapped/kept");
    mkdirSync(place, { recursive: true });
    using namespace = await openMappingNamespace(ids);
    mountMapped(root.join("engine/layers"), place, { userNamespace: namespace.user });
    layers = await openLayerStore({ root: root.join("engine") });
    expect(mountsBelow(root.path)).toEqual([]);
    expect(layers.idsOf("kept")).toEqual(ids);
    expect(layers.allIDs()).toEqual([ids]);
    expect(ownerOf(`${await layers.mount("kept")}/file-0`)).toBe(ids.start);
    await layers.remove("kept");
    expect(layers.allIDs()).toEqual([]);
  });
});
