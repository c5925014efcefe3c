import { afterEach, beforeEach } from "vitest";
import { rebuildTar } from "../../engine/images/rebuild-tar.ts";
import type { CommitLayerOptions, CommittedLayer, LayerStore } from "../../engine/layers/layer-store.ts";
import { openLayerStore } from "../../engine/layers/overlay-layer-store.ts";
import { type DiffID, hexOf } from "../../engine/oci/digest.ts";
import { type LayerFiles, unpackStack } from "./layer-stack.ts";
import { type TempRoot, tempRoot } from "./temp-root.ts";

export const { signal } = new AbortController();

/** A layer store for each test of the file that imports this, and steps of builds in it. */
export let root: TempRoot;
export let layers: LayerStore;

beforeEach(async () => {
  root = await tempRoot();
  layers = await openLayerStore({ root: root.join("engine") });
});
afterEach(async () => {
  for (const key of layers.listWritable()) await layers.remove(key);
  await layers[Symbol.asyncDispose]();
  await root[Symbol.asyncDispose]();
});

export const stack = (...tars: LayerFiles[]): Promise<DiffID[]> => unpackStack(layers, root.path, tars);
export const marked = (layer: CommittedLayer) => root.join("engine/layers", hexOf(layer.diffID), "unsynced");

export async function reopen(): Promise<void> {
  await layers[Symbol.asyncDispose]();
  layers = await openLayerStore({ root: root.join("engine") });
}

let steps = 0;

/** A step of a build: what `work` does to the files becomes a layer. */
export async function step(
  chain: readonly DiffID[],
  work: (rootfs: string) => unknown,
  options: Partial<CommitLayerOptions> = {},
): Promise<CommittedLayer | null> {
  const key = `step-${steps++}`;
  await layers.prepare(key, chain);
  await work(await layers.mount(key, { isVolatile: true }));
  return await layers.commit(key, { signal, ...options });
}

export async function made(...parameters: Parameters<typeof step>): Promise<CommittedLayer> {
  const layer = await step(...parameters);
  if (layer === null) throw new Error("nothing was changed");
  return layer;
}

export async function tarOfLayer(chain: readonly DiffID[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of rebuildTar(layers, chain, signal)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export const base = {
  "etc/motd": "old",
  "etc/hosts": "h",
  "usr/bin/tool": "tool",
  "gone/deep/file": "1",
  "opaque/old": "1",
};
