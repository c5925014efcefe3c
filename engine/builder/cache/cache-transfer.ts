import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../../errors.ts";
import { rebuildTar } from "../../images/rebuild-tar.ts";
import type { LayerStore } from "../../layers/layer-store.ts";
import { gzip } from "../../lib/gzip.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type DiffID, digestOfHex } from "../../oci/digest.ts";
import { cacheLayerType } from "./cache-document.ts";
import type { CachePlace } from "./cache-place.ts";

/** A file of the build's own, gone when it is disposed of. */
export type ScratchFile = { readonly path: string; readonly descriptor: Descriptor } & AsyncDisposable;

/** Packs the topmost layer of a chain. Fails with `failed-precondition` where it would become another layer. */
export async function packLayer(
  layers: LayerStore,
  chain: readonly DiffID[],
  { scratch, signal }: { readonly scratch: string; readonly signal: AbortSignal },
): Promise<ScratchFile> {
  const plain = createHash("sha256");
  const tar = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of rebuildTar(layers, chain, signal)) {
      plain.update(chunk);
      yield chunk;
    }
  };
  const file = await writeScratch(gzip(tar()), { scratch, signal, limit: Number.POSITIVE_INFINITY });
  const diffID = chain.at(-1);
  if (digestOfHex(plain.digest("hex")) === diffID) return file;
  await file[Symbol.asyncDispose]();
  throw new EngineError("failed-precondition", `layer ${diffID} was not made here: its tar is not kept`);
}

/** Fails with `corrupt` for a blob of another size; who unpacks it sees to its digest. */
export async function fetchBlob(
  place: CachePlace,
  blob: Descriptor,
  { scratch, signal }: { readonly scratch: string; readonly signal: AbortSignal },
): Promise<ScratchFile> {
  return await writeScratch(place.read(blob, signal), { scratch, signal, limit: blob.size });
}

/** For CachePlace.write. */
export function readScratch({ path }: ScratchFile): (offset: number) => AsyncIterable<Uint8Array> {
  return (start) => createReadStream(path, { start, highWaterMark: 1024 * 1024 });
}

type Writing = { readonly scratch: string; readonly signal: AbortSignal; readonly limit: number };

async function writeScratch(
  chunks: AsyncIterable<Uint8Array>,
  { scratch, signal, limit }: Writing,
): Promise<ScratchFile> {
  const path = join(scratch, `layer-${randomUUID()}`);
  const hash = createHash("sha256");
  let size = 0;
  try {
    const file = await open(path, "wx", 0o600);
    try {
      for await (const chunk of chunks) {
        if (signal.aborted) throw new EngineError("cancelled", "cancelled");
        size += chunk.length;
        if (size > limit) throw new EngineError("corrupt", `a layer of the cache has more than ${limit} bytes`);
        hash.update(chunk);
        await file.writeFile(chunk);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  const descriptor = { mediaType: cacheLayerType, digest: digestOfHex(hash.digest("hex")), size };
  return { path, descriptor, [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}
