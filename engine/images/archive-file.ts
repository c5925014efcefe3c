import type { GrowingIngest } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import type { LayerDigests, LayerStore, StagedLayer, UnpackOptions } from "../layers/layer-store.ts";
import { hasValidChecksum } from "../layers/tar-numbers.ts";
import { type DiffID, type Digest, sha256 } from "../oci/digest.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";

/** A file of an image archive: in memory if small, else an ingest until somebody wants to keep it. */
export class ArchiveFile {
  readonly digest: Digest;
  readonly size: number;
  /** Null for a large file. */
  readonly bytes: Buffer | null;
  /** Digest of the tar in it; null for a small file, into which nobody has looked. */
  readonly diffID: DiffID | null;
  readonly #ingest: GrowingIngest | null;
  #staged: StagedLayer | null;
  #keeping: Promise<void> | null = null;

  private constructor(is: LayerDigests | Buffer, ingest: GrowingIngest | null, staged: StagedLayer | null) {
    const bytes = Buffer.isBuffer(is) ? is : null;
    this.bytes = bytes;
    this.digest = Buffer.isBuffer(is) ? sha256(is) : is.digest;
    this.diffID = Buffer.isBuffer(is) ? null : is.diffID;
    this.size = bytes?.length ?? ingest?.size ?? 0;
    this.#ingest = ingest;
    this.#staged = staged;
  }

  static inMemory(bytes: Buffer): ArchiveFile {
    return new ArchiveFile(bytes, null, null);
  }

  static inIngest(ingest: GrowingIngest, { digest, diffID, staged }: Examined): ArchiveFile {
    return new ArchiveFile({ digest, diffID }, ingest, staged);
  }

  /** What it was unpacked to, where it looked like a layer; once. It is the caller's to dispose. */
  takeLayer(): StagedLayer | null {
    const staged = this.#staged;
    this.#staged = null;
    return staged;
  }

  /** Makes it a blob, if it is none yet. */
  keep(blobs: LeasedBlobs): Promise<void> {
    this.#keeping ??= this.#store(blobs);
    return this.#keeping;
  }

  async #store(blobs: LeasedBlobs): Promise<void> {
    if (this.bytes !== null) await storeBlob(blobs, this.bytes);
    else await this.#ingest?.commit(this.digest);
  }
}

/** Stores bytes that are at hand. */
export async function storeBlob(blobs: Pick<LeasedBlobs, "openIngest">, bytes: Uint8Array): Promise<Digest> {
  const digest = sha256(bytes);
  await using ingest = await blobs.openIngest();
  await ingest.write(bytes);
  return (await ingest.commit({ digest, size: bytes.length })).digest;
}

export type Examined = LayerDigests & { readonly staged: StagedLayer | null };

/**
 * Hashes a file that is still coming in, in a worker, and unpacks it meanwhile where it looks like a layer: what it is will be said by another
 * file, often the archive's last. Fails with `corrupt` or `unimplemented` for compressed data that cannot be read.
 */
export async function examineFile(
  head: Buffer,
  ingest: GrowingIngest,
  options: UnpackOptions & { readonly layers: LayerStore; readonly isWanted: boolean },
): Promise<Examined> {
  const { layers, isWanted } = options;
  const source = { path: ingest.path, growth: ingest.growth };
  if (isWanted && looksLikeLayer(head)) {
    try {
      const staged = await layers.stage(source, options);
      return { digest: staged.digest, diffID: staged.diffID, staged };
    } catch (error) {
      // Then it is something else, or a layer that is broken: whoever wants it as one will be told.
      if (!(error instanceof EngineError) || error.code !== "corrupt") throw error;
    }
  }
  return { ...(await layers.digest(source, options)), staged: null };
}

function looksLikeLayer(head: Buffer): boolean {
  if (head.length < 512) return false;
  const isCompressed = head.readUInt16BE(0) === 0x1f8b || head.readUInt32LE(0) === 0xfd2fb528;
  return isCompressed || hasValidChecksum(head);
}
