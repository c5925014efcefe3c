import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import type { Readable, Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, messageOf } from "../errors.ts";
import { errnoError, errnoOf } from "../host/errno.ts";
import { compressionOf } from "../lib/compression.ts";
import { waitForGrowth } from "../lib/growth.ts";
import { type Digest, digestOfHex } from "../oci/digest.ts";
import type { TarFile } from "./layer-tasks.ts";

const chunkSize = 512 * 1024;
/** Output of gunzip in pieces of 16 KiB, its default, takes more than twice as long. */
const inflateChunkSize = 512 * 1024;

export type ReadWatch = { readonly isCancelled: () => boolean; readonly onRead: (bytes: number) => void };

/** Reads a file, also one that grows meanwhile, hashes it as it is, and gives its uncompressed bytes. */
export class TarSource implements Disposable {
  readonly #fd: number;
  readonly #file: TarFile;
  readonly #watch: ReadWatch;
  readonly #hash: Hash = createHash("sha256");
  readonly #buffer = Buffer.allocUnsafeSlow(chunkSize);
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
    await this.#available(magic.length, this.#watch.isCancelled);
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
    let isOver = false;
    const feeding = this.#feed(inflate, () => isOver || this.#watch.isCancelled()).catch(
      (error: unknown) => void inflate.destroy(error as Error),
    );
    let last: ArrayBufferLike | null = null;
    try {
      for await (const chunk of inflate as Readable as AsyncIterable<Buffer>) {
        // Collecting garbage comes too late for so many large pieces: what was used is given back at once.
        if (last instanceof ArrayBuffer && last !== chunk.buffer) last.transfer(0);
        last = chunk.buffer;
        yield chunk;
      }
    } catch (error) {
      if (error instanceof EngineError) throw error;
      if (errnoOf(error) !== null) throw errnoError("read the archive", error);
      throw new EngineError("corrupt", `the ${compression} data is broken: ${messageOf(error)}`, { cause: error });
    } finally {
      isOver = true;
      inflate.destroy();
      await feeding;
    }
  }

  /** Reads and hashes while another thread inflates what was read before. */
  async #feed(inflate: Transform, isOver: () => boolean): Promise<void> {
    const free = [this.#buffer, Buffer.allocUnsafeSlow(chunkSize)];
    const gone = new Promise<void>((resolve) => inflate.once("close", resolve));
    let written: Promise<void> = Promise.resolve();
    for (;;) {
      const buffer = free.shift();
      if (buffer === undefined) {
        await Promise.race([written, gone]);
        if (inflate.destroyed) return;
        continue;
      }
      const chunk = await this.#read(buffer, isOver);
      if (inflate.destroyed) return;
      if (chunk === null) break;
      written = new Promise((resolve) => {
        inflate.write(chunk, () => {
          free.push(buffer);
          resolve();
        });
      });
    }
    inflate.end();
  }

  async *#chunks(): AsyncGenerator<Buffer, void> {
    for (let chunk = await this.#read(this.#buffer); chunk !== null; chunk = await this.#read(this.#buffer))
      yield chunk;
  }

  /** The next bytes of the file, hashed; null at its end. */
  async #read(buffer: Buffer, isOver = this.#watch.isCancelled): Promise<Buffer | null> {
    const available = await this.#available(1, isOver);
    if (available === 0) return null;
    const size = readSync(this.#fd, buffer, 0, Math.min(buffer.length, available), this.#position);
    if (size === 0) return null;
    const chunk = buffer.subarray(0, size);
    this.#position += size;
    this.#hash.update(chunk);
    this.#watch.onRead(this.#position);
    return chunk;
  }

  /** Waits for `wanted` bytes more, or the end. Gives how many there are, none where it is over. */
  async #available(wanted: number, isOver: () => boolean): Promise<number> {
    const { growth } = this.#file;
    if (growth === null) return chunkSize;
    const { size, status } = await waitForGrowth(growth, this.#position + wanted - 1, isOver);
    if (this.#watch.isCancelled()) throw new EngineError("cancelled", "cancelled");
    if (status === "failed") throw new EngineError("unavailable", "the rest of it did not come");
    return size - this.#position;
  }
}
