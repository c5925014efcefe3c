import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { errnoError } from "../host/errno.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { type DiffID, hexOf } from "../oci/digest.ts";
import type { CommitLayerOptions, CommittedLayer, WritableKey } from "./layer-store.ts";
import type { UnpackedTar } from "./layer-tasks.ts";
import type { ReadonlyLayers } from "./readonly-layers.ts";
import { relativePaths } from "./relative-paths.ts";
import type { WorkerPool } from "./worker-pool.ts";
import type { WritableLayers } from "./writable-layers.ts";

export type CommitParts = {
  readonly readonly: ReadonlyLayers;
  readonly writable: WritableLayers;
  readonly pool: WorkerPool;
  /** See DiskSync.failures: before anybody wrote into the writable layer. */
  readonly failures: number;
};

/**
 * See LayerStore.commit. What a crash leaves is a writable layer that nobody owns, a directory with the name of something in the making,
 * or the layer.
 */
export async function commitLayer(
  key: WritableKey,
  options: CommitLayerOptions,
  parts: CommitParts,
): Promise<CommittedLayer | null> {
  const { readonly: layers, writable } = parts;
  using holds = new DisposableStack();
  // The writable layer keeps those below until it goes.
  holds.use(await layers.holds.hold(writable.layersOf(key)));
  try {
    const made = await writable.consume(key, async (upper) => {
      if ((await readdir(upper)).length === 0) return null;
      const place = layers.newPlace(parts.failures);
      const sealed = await seal(key, upper, options, parts);
      if (sealed.entries === 0) return null;
      holds.use(await layers.holds.hold([hexOf(sealed.diffID)]));
      await adopt(upper, place, sealed, layers);
      return sealed;
    });
    return made === null ? null : layerOf(made, holds.move());
  } catch (error) {
    throw errnoError(`commit writable layer ${key}`, error);
  }
}

/** See LayerStore.squash. */
export async function squashChain(
  chain: readonly DiffID[],
  from: number,
  { signal, latest = null, readonly: layers, pool }: CommitLayerOptions & Pick<CommitParts, "readonly" | "pool">,
): Promise<CommittedLayer | null> {
  using holds = new DisposableStack();
  holds.use(await layers.hold(chain));
  await layers.settle(chain);
  const topmostFirst = layers.index.namesOf(chain).map((name) => bytePathOf(layers.pathOf(name)));
  topmostFirst.reverse();
  const count = chain.length - from;
  const place = layers.newPlace();
  try {
    const directories = { directories: topmostFirst.slice(0, count), below: topmostFirst.slice(count) };
    const made = await pool.run({ kind: "squash", ...directories, target: place.path, latest }, { signal });
    if (made.entries === 0) return null;
    holds.use(await layers.holds.hold([hexOf(made.diffID)]));
    await layers.adopt(place, made);
    return layerOf(made, holds.move());
  } catch (error) {
    throw errnoError(`squash layers of ${chain.at(-1) ?? "an empty chain"}`, error);
  } finally {
    await layers.drop(place.path);
  }
}

function layerOf({ diffID, size, entries }: UnpackedTar, holds: DisposableStack): CommittedLayer {
  return { diffID, size, entries, [Symbol.dispose]: () => holds.dispose() };
}

function seal(
  key: WritableKey,
  upper: string,
  { signal, mountPoints, latest = null }: CommitLayerOptions,
  { writable, pool }: CommitParts,
): Promise<UnpackedTar> {
  const directories = { directory: bytePathOf(upper), below: writable.lowerOf(key).map(bytePathOf) };
  return pool.run({ kind: "seal", ...directories, mountPoints: relativePaths(mountPoints), latest }, { signal });
}

/** The directory is left where it is if such a layer is there already, or if it fails. */
async function adopt(
  upper: string,
  place: ReturnType<ReadonlyLayers["newPlace"]>,
  sealed: UnpackedTar,
  layers: ReadonlyLayers,
): Promise<void> {
  if (layers.index.has(hexOf(sealed.diffID))) return;
  const fs = join(place.path, "fs");
  try {
    await mkdir(place.path, { mode: 0o755 });
    await rename(upper, fs);
    await layers.adopt(place, sealed);
  } catch (error) {
    await rename(fs, upper).catch(() => {});
    await layers.drop(place.path);
    throw error;
  }
  // Still there where somebody else was faster.
  void layers.drop(place.path);
}
