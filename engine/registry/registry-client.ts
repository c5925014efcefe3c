import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Credentials, SearchResult } from "../protocol/transfers.ts";

/** A manifest or an index exactly as the registry gave it; its bytes have the descriptor's digest and size. */
export type FetchedManifest = { readonly descriptor: Descriptor; readonly bytes: Buffer };

export type UploadSource = {
  /** Bytes of the blob from `offset` on; asked for again when an upload is resumed. */
  readonly open: (offset: number) => AsyncIterable<Uint8Array>;
  /** Bytes of the blob sent so far; falls back where an upload begins anew. */
  readonly onProgress?: (bytes: number) => void;
};

/**
 * One repository of one registry, for one piece of work: keeps its tokens, connections and the endpoint that answered. Safe to
 * use from several works at once. All fail with `unauthenticated`, `permission-denied`, `not-found`, `unavailable` (after retries),
 * `corrupt` (the registry's bytes are not what they should be), `failed-precondition` (the administrator's settings are wrong, or
 * the registry refuses what was asked for) and `cancelled`.
 */
export interface Repository {
  /** `docker.io/library/nginx`, for messages. */
  readonly name: string;
  /** By tag or digest. At most 8 MiB; a wrong digest is `corrupt`. */
  manifest(tagOrDigest: string, signal: AbortSignal): Promise<FetchedManifest>;
  /** What a tag stands for now, without its bytes; null where there is none. One request. */
  describe(tagOrDigest: string, signal: AbortSignal): Promise<Descriptor | null>;
  /**
   * A blob's bytes from `offset` to its end, exactly as many as the descriptor says. A cut connection is resumed where it broke
   * (Range; where the registry knows none, by reading on from the start), 429 and 5xx are tried again after Retry-After or with
   * back-off. The digest is the caller's to check.
   */
  blob(blob: Descriptor, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void>;
  hasBlob(digest: Digest, signal: AbortSignal): Promise<boolean>;
  /** True: the registry took it over from another of its repositories. False: upload it. */
  mountBlob(digest: Digest, from: string, signal: AbortSignal): Promise<boolean>;
  /** Uploads; in chunks where the registry asks for them; resumes after a cut. A success if it is there already. */
  uploadBlob(blob: Descriptor, source: UploadSource, signal: AbortSignal): Promise<void>;
  /** Gives the digest the registry now has it under. */
  putManifest(tagOrDigest: string, mediaType: string, bytes: Uint8Array, signal: AbortSignal): Promise<Digest>;
  /** All tags, over all pages (at most 100,000). */
  tags(signal: AbortSignal): Promise<string[]>;
}

export type Access = "pull" | "push";

/** Speaks the OCI distribution protocol (distribution-spec 1.1) and Docker's dialect of it. */
export interface RegistryClient extends AsyncDisposable {
  /** No request is made yet. mountFrom: repositories of the same registry a push may mount blobs from (its token must cover them). */
  repository(
    reference: Reference,
    options: {
      readonly credentials: Credentials | null;
      readonly access: Access;
      readonly mountFrom?: readonly string[];
    },
  ): Repository;
  search(term: string, limit: number, credentials: Credentials | null, signal: AbortSignal): Promise<SearchResult[]>;
  login(
    registry: string,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<{ status: string; identityToken: string | null }>;
}
