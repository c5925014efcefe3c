import { openArchives } from "../../layers/archives.ts";
import type { LayerStore } from "../../layers/layer-store.ts";
import { bytePathOf } from "../../lib/byte-path.ts";
import type { DiffID } from "../../oci/digest.ts";

/**
 * Writes all files that a chain of layers shows as a tar, names in byte order; the chain is held by the caller. key: of a writable layer that is
 * nobody's. Fails with `cancelled`.
 */
export async function writeFilesTar(
  layers: LayerStore,
  { chain, key }: { readonly chain: readonly DiffID[]; readonly key: string },
  { signal, output }: { readonly signal: AbortSignal; readonly output: (bytes: Buffer) => Promise<void> },
): Promise<void> {
  // Directories that a layer holds without describing them have what they are from below once something stands on the layers.
  await layers.preparePassing(key, chain);
  try {
    const { upper, below } = layers.writablePlaceOf(key);
    const directories = [upper, ...below.map(({ directory }) => directory).reverse()].map(bytePathOf);
    await using archives = openArchives();
    for await (const bytes of archives.pack({ directories: [...new Set(directories)], inside: "", path: "" }, signal)) {
      await output(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
  } finally {
    await layers.remove(key);
  }
}
