import type { LayerStore } from "../../engine/layers/layer-store.ts";
import type { DiffID } from "../../engine/oci/digest.ts";
import { sourceOf, type TarItem, tarOf } from "./tar-of.ts";

export type LayerFiles = readonly TarItem[] | Record<string, string>;

/** Unpacks a stack, lowest first, with its tars written into `directory`, and gives its chain. */
export async function unpackStack(
  layers: LayerStore,
  directory: string,
  tars: readonly LayerFiles[],
): Promise<DiffID[]> {
  const { signal } = new AbortController();
  const chain: DiffID[] = [];
  for (const items of tars) {
    const tar = tarOf(items);
    chain.push(tar.diffID);
    await layers.unpack(chain, sourceOf(tar, directory), { signal });
  }
  return chain;
}
