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
 * Bytes by digest under `<root>/blobs/sha256/`, exactly as they came. Written beside (`<root>/blobs/ingest/`) and renamed into
 * place; an ingest left by a crash is swept at the next open.
 */
export interface BlobStore {
  openIngest(): Promise<Ingest>;
  has(digest: Digest): Promise<boolean>;
  /** Absolute path of a blob, whether or not it is there. */
  pathOf(digest: Digest): string;
  /** Whole content of a small blob (at most `limit` bytes, default 8 MiB), digest checked. `not-found`, `corrupt`. */
  read(digest: Digest, limit?: number): Promise<Buffer>;
  remove(digest: Digest): Promise<void>;
  list(): Promise<readonly Digest[]>;
}
