import { EngineError, messageOf } from "../../errors.ts";
import type { LayerStore } from "../../layers/layer-store.ts";
import { KeyedQueue } from "../../lib/keyed-queue.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { DiffID, Digest } from "../../oci/digest.ts";
import type { CacheLocation } from "../../protocol/builds.ts";
import type { CachedStep } from "./build-cache.ts";
import type { CacheRecordDocument } from "./cache-document.ts";
import { type CachePlace, openCachePlace, type PlaceParts } from "./cache-place.ts";
import { fetchBlob } from "./cache-transfer.ts";
import { readCache, type TransferWork } from "./export-cache.ts";

export type ImportParts = PlaceParts & { readonly layers: LayerStore; readonly scratch: string };

/**
 * What other engines' steps have made. Nobody can check that a layer is what its key stands for, only that it is the one that is named: so it
 * counts for the build that asked for this cache, and never becomes an entry of the engine's own.
 */
export interface ImportedCache {
  /** Brings the layers here, each checked by its digests, and holds them. Null where it is not known, or cannot be had. */
  find(key: Digest): Promise<(CachedStep & Disposable) | null>;
}

type Known = { readonly record: CacheRecordDocument; readonly source: Source };
type Source = { readonly place: CachePlace; readonly blobs: ReadonlyMap<DiffID, Descriptor> };

/** Reads what the caches hold, none of their layers yet. One that cannot be read is told as a note, and left out. Fails with `cancelled`. */
export async function openImportedCache(
  locations: readonly CacheLocation[],
  parts: ImportParts,
  work: TransferWork,
): Promise<ImportedCache> {
  const known = new Map<Digest, Known>();
  for (const location of locations) {
    const found = await openOne(location, parts, work);
    for (const record of found?.records ?? []) {
      if (found !== null && !known.has(record.key)) known.set(record.key, { record, source: found.source });
    }
  }
  return new PlacedCache(known, parts, work);
}

async function openOne(location: CacheLocation, parts: ImportParts, { signal, onNote }: TransferWork) {
  const name = location.type === "local" ? location.path : location.reference;
  try {
    const place = openCachePlace(location, "pull", parts);
    const found = await readCache(place, signal);
    if (found !== null) return { records: found.records, source: { place, blobs: found.blobs } };
    onNote(`${name}: there is no cache`);
  } catch (error) {
    if (signal.aborted) throw new EngineError("cancelled", "cancelled");
    onNote(`${name}: ${messageOf(error)}`);
  }
  return null;
}

class PlacedCache implements ImportedCache {
  readonly #known: ReadonlyMap<Digest, Known>;
  readonly #parts: ImportParts;
  readonly #work: TransferWork;
  /** A layer is fetched once, however many steps stand on it. */
  readonly #fetches = new KeyedQueue();

  constructor(known: ReadonlyMap<Digest, Known>, parts: ImportParts, work: TransferWork) {
    this.#known = known;
    this.#parts = parts;
    this.#work = work;
  }

  async find(key: Digest): Promise<(CachedStep & Disposable) | null> {
    const known = this.#known.get(key);
    if (known === undefined) return null;
    const { chain, createdAt } = known.record;
    const hold = await this.#parts.layers.hold(chain);
    try {
      for (const position of chain.keys()) await this.#bring(chain.slice(0, position + 1), known.source);
      const size = this.#sizeOf(known.record);
      return { chain, size, createdAt, [Symbol.dispose]: () => hold[Symbol.dispose]() };
    } catch (error) {
      hold[Symbol.dispose]();
      if (this.#work.signal.aborted) throw new EngineError("cancelled", "cancelled");
      this.#work.onNote(`${known.source.place.name}: ${messageOf(error)}`);
      return null;
    }
  }

  /** What it says of itself is good for no more than whether there is a layer. */
  #sizeOf({ chain, size }: CacheRecordDocument): number {
    return size === 0 ? 0 : (this.#parts.layers.find(chain)?.size ?? 0);
  }

  async #bring(chain: readonly DiffID[], { place, blobs }: Source): Promise<void> {
    const { layers, scratch } = this.#parts;
    const { signal } = this.#work;
    const diffID = chain.at(-1);
    if (diffID === undefined || layers.find(chain) !== null) return;
    const blob = blobs.get(diffID);
    if (blob === undefined) throw new EngineError("not-found", `it lacks layer ${diffID}`);
    await this.#fetches.run(diffID, async () => {
      if (layers.find(chain) !== null) return;
      await using file = await fetchBlob(place, blob, { scratch, signal });
      await layers.unpack(chain, { path: file.path }, { signal, digest: blob.digest });
    });
  }
}
