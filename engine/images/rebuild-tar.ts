import { openArchives } from "../layers/archives.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import type { DiffID } from "../oci/digest.ts";

/**
 * A tar of an unpacked layer's files, in the form in which this engine writes layers: the very one the layer came from where that was
 * made here, hardly ever another's. Fails with `not-found` for a layer that is not there.
 */
export async function* rebuildTar(
  layers: LayerStore,
  chain: readonly DiffID[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const directories = [layers.pathOf(chain)];
  await using archives = openArchives();
  const task = { directories, inside: "", path: "", layer: { below: [], mountPoints: [] } };
  yield* archives.pack(task, signal);
}
