import type { Growth } from "../lib/growth.ts";
import type { Digest } from "../oci/digest.ts";

/** An unfinished blob. Write, then commit; disposing without commit removes it. */
export interface Ingest extends AsyncDisposable {
  /** Appends; resolves when the next write may come. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Checks size and digest (where expected), makes the bytes durable, and gives the blob its name. Committing what is
   * already there is a success. Fails with `corrupt`.
   */
  commit(expected?: { readonly digest?: Digest; readonly size?: number }): Promise<{ digest: Digest; size: number }>;
}

/**
 * An unfinished blob that others read while it comes. Nothing is hashed here: that is for whoever reads it, and commits it then. Disposing
 * without commit tells the readers that no more will come; it keeps the bytes where they belong to a digest, else removes them.
 */
export interface GrowingIngest extends AsyncDisposable {
  readonly path: string;
  /** How much of `path` can be read now: see lib/growth.ts. */
  readonly growth: Growth;
  /** Bytes so far: at once more than 0 where an earlier download was interrupted. */
  readonly size: number;
  /** Appends; resolves when the next write may come. */
  write(bytes: Uint8Array): Promise<void>;
  /** The same with bytes that nobody uses any more: their memory is given back. */
  take(bytes: Uint8Array): Promise<void>;
  /** All bytes came; resolves when they can be read. */
  end(): Promise<void>;
  /** Makes the bytes durable and gives the blob the name that they were found to have. */
  commit(digest: Digest): Promise<void>;
  /** Removes it: its bytes are wrong. */
  drop(): Promise<void>;
}

/**
 * Bytes by digest under `<root>/blobs/sha256/`, exactly as they came. Written beside (`<root>/blobs/ingest/`) and renamed into
 * place. An unfinished download bears the digest that it will have, and is there for the next try until a sweep takes it away; any other
 * ingest left by a crash is swept at the next open.
 */
export interface BlobStore {
  /** onDigest: awaited when the blob's digest is known and before it gets its name. */
  openIngest(onDigest?: (digest: Digest) => Promise<void>): Promise<Ingest>;
  /** With a digest: goes on with what is there of that blob. One at a time for a digest. */
  openGrowingIngest(digest: Digest | null, onDigest?: (digest: Digest) => Promise<void>): Promise<GrowingIngest>;
  has(digest: Digest): Promise<boolean>;
  /** Absolute path of a blob, whether or not it is there. */
  pathOf(digest: Digest): string;
  /** Whole content of a small blob (at most `limit` bytes, default 8 MiB), digest checked. `not-found`, `corrupt`. */
  read(digest: Digest, limit?: number): Promise<Buffer>;
  remove(digest: Digest): Promise<void>;
  list(): Promise<readonly Digest[]>;
  /** Bytes that each blob takes, finished or not. */
  measure(): Promise<ReadonlyMap<Digest, number>>;
  /**
   * Keeps blobs, finished or not, from sweeps until disposed. To be called before a look whether a blob is there, or before it is made:
   * resolves when a sweep that takes it away at this moment is done with it.
   */
  hold(digests: readonly Digest[]): Promise<Disposable>;
  isHeld(digest: Digest): boolean;
  /** Names of unfinished blobs that nobody holds; while nothing is being made these are leftovers. */
  strayIngests(): Promise<readonly string[]>;
  /** Removes one of these. */
  removeStray(name: string): Promise<void>;
  /** Removes all blobs, finished or not, that are neither kept nor held. `kept` is what is to be kept at the moment of the call. */
  sweep(kept: ReadonlySet<Digest>): Promise<void>;
}
