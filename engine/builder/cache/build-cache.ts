import type { DiffID, Digest } from "../../oci/digest.ts";
import type { CachePrune, CacheRecord } from "../../protocol/builds.ts";

/** What a step has made of the state it began with. */
export type CachedStep = {
  /** Lowest first: that of the step before, and one layer more where the step changed something. */
  readonly chain: readonly DiffID[];
  /** Bytes of the layer; 0 where there is none. */
  readonly size: number;
  /** RFC 3339, as it was put: images made of it later bear the same time, and so the same ID. */
  readonly createdAt: string;
};

/**
 * Results of steps by key, over restarts of the engine, bounded. A key is a digest of everything that the result depends on: see
 * solve/step-key.ts. Entries hold their layers: nothing sweeps them while they are here.
 */
export interface BuildCache extends AsyncDisposable {
  /** Null where it is not known, or its layers are gone. Counts as a use. The chain is held until disposed of. */
  find(key: Digest): Promise<(CachedStep & Disposable) | null>;
  /** Outlives the engine when it resolves; a power cut may still take it. description: the instruction, for lists. */
  put(key: Digest, step: CachedStep, description: string): Promise<void>;
  /** A success where it is not known. Its layers go with the next sweep of images. */
  forget(key: Digest): void;
  /** Chains that must not be swept: for the images service. */
  chains(): readonly (readonly DiffID[])[];
  usage(): Promise<CacheRecord[]>;
  /** Layers go with the next sweep of images. */
  prune(options: CachePrune): Promise<{ removed: string[]; bytes: number }>;
  /** Drops the longest unused until the limit holds; after each build, when nothing of it is held any more. */
  collect(): Promise<void>;
}
