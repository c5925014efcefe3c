import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, messageOf } from "../errors.ts";
import { errnoError, errnoOf } from "../host/errno.ts";
import { compressionOf } from "../lib/decompress.ts";
import { waitForGrowth } from "../lib/growth.ts";
import { type Digest, digestOfHex } from "../oci/digest.ts";
import type { TarFile } from "./layer-tasks.ts";

const chunkSize = 1024 * 1024;
/** Output of gunzip in pieces of 16 KiB, its default, takes more than twice as long. */
const inflateChunkSize = 256 * 1024;

export type ReadWatch = { readonly isCancelled: () => boolean; readonly onRead: (bytes: number) => void };

/** Reads a file, also one that grows meanwhile, hashes it as it is, and gives its uncompressed bytes. */
export class TarSource implements Disposable {
  readonly #fd: number;
  readonly #file: TarFile;
  readonly #watch: ReadWatch;
  readonly #hash: Hash = createHash("sha256");
  readonly #buffer = Buffer.allocUnsafe(chunkSize);
  #position = 0;
  #compression: "none" | "gzip" | "zstd" = "none";

  constructor(file: TarFile, watch: ReadWatch) {
    this.#file = file;
    this.#watch = watch;
    this.#fd = openSync(file.path, "r");
  }

  /** True: its digest is the one of the bytes that it gives. */
  get isPlain(): boolean {
    return this.#compression === "none";
  }

  /** Of the file to its end. Once; to be called when all was read. */
  async digest(): Promise<Digest> {
    // What follows the end of a compressed stream is part of the file.
    for await (const _ of this.#chunks());
    return digestOfHex(this.#hash.digest("hex"));
  }

  /** A chunk is valid until the next is asked for. Fails with `corrupt` where the compressed data is broken or ends early. */
  async *plainBytes(): AsyncGenerator<Buffer, void> {
    const magic = Buffer.alloc(6);
    await this.#available(magic.length);
    this.#compression = compressionOf(magic.subarray(0, readSync(this.#fd, magic, 0, magic.length, 0)));
    if (this.#compression === "none") yield* this.#chunks();
    else yield* this.#inflated(this.#compression);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  async *#inflated(compression: "gzip" | "zstd"): AsyncGenerator<Buffer, void> {
    const options = { chunkSize: inflateChunkSize };
    const inflate: Transform = compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
    const source = Readable.from(this.#chunks(), { objectMode: false, highWaterMark: chunkSize });
    source.on("error", (error) => inflate.destroy(error));
    source.pipe(inflate);
    try {
      yield* inflate as Readable as AsyncIterable<Buffer>;
    } catch (error) {
      if (error instanceof EngineError) throw error;
      if (errnoOf(error) !== null) throw errnoError("read the archive", error);
      throw new EngineError("corrupt", `the ${compression} data is broken: ${messageOf(error)}`, { cause: error });
    } finally {
      source.destroy();
      inflate.destroy();
    }
  }

  /** Goes on where the one before stopped. */
  async *#chunks(): AsyncGenerator<Buffer, void> {
    for (;;) {
      const available = await this.#available(1);
      if (available === 0) return;
      const wanted = Math.min(chunkSize, available);
      // Inflating in another thread may still read the one before.
      const buffer = this.isPlain ? this.#buffer : Buffer.allocUnsafe(wanted);
      const size = readSync(this.#fd, buffer, 0, wanted, this.#position);
      if (size === 0) return;
      const chunk = buffer.subarray(0, size);
      this.#position += size;
      this.#hash.update(chunk);
      this.#watch.onRead(this.#position);
      yield chunk;
    }
  }

  /** Waits for `wanted` bytes more, or the end. Gives how many there are, at most a chunk. */
  async #available(wanted: number): Promise<number> {
    const { growth } = this.#file;
    if (growth === null) return chunkSize;
    const { size, status } = await waitForGrowth(growth, this.#position + wanted - 1, this.#watch.isCancelled);
    if (this.#watch.isCancelled()) throw new EngineError("cancelled", "cancelled");
    if (status === "failed") throw new EngineError("unavailable", "the rest of it did not come");
    return size - this.#position;
  }
}
