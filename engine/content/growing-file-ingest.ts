import type { FileHandle } from "node:fs/promises";
import { rm } from "node:fs/promises";
import { EngineError } from "../errors.ts";
import { endGrowth, type Growth, growTo, newGrowth } from "../lib/growth.ts";
import type { Digest } from "../oci/digest.ts";
import { BatchWriter, writeFailure } from "./batch-writer.ts";
import type { GrowingIngest } from "./blob-store.ts";

export type GrowingFileOptions = {
  readonly path: string;
  /** Bytes that are there already. */
  readonly size: number;
  /** What was written is kept when the ingest is disposed without a commit. */
  readonly isKept: boolean;
  readonly adopt: (digest: Digest) => Promise<void>;
};

/** Only moves bytes: the main thread has other things to do than to hash them. */
export class GrowingFileIngest implements GrowingIngest {
  readonly path: string;
  readonly growth: Growth;
  readonly #handle: FileHandle;
  readonly #adopt: (digest: Digest) => Promise<void>;
  readonly #writer: BatchWriter;
  #isKept: boolean;
  #status: "open" | "committed" | "closed" = "open";

  constructor(handle: FileHandle, options: GrowingFileOptions) {
    this.path = options.path;
    this.#handle = handle;
    this.#isKept = options.isKept;
    this.#adopt = options.adopt;
    this.growth = newGrowth(options.size);
    this.#writer = new BatchWriter(handle, options.size, { onWritten: (size) => growTo(this.growth, size) });
  }

  get size(): number {
    return this.#writer.size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    await this.#writer.write(bytes);
  }

  async take(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    await this.#writer.take(bytes);
  }

  async end(): Promise<void> {
    this.#requireOpen();
    await this.#writer.flush();
    endGrowth(this.growth, false);
  }

  async commit(digest: Digest): Promise<void> {
    this.#requireOpen();
    try {
      await this.#handle.sync();
      await this.#handle.close();
      await this.#adopt(digest);
    } catch (error) {
      throw writeFailure(error);
    }
    this.#status = "committed";
  }

  drop(): Promise<void> {
    this.#isKept = false;
    return this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#status !== "open") return;
    this.#status = "closed";
    endGrowth(this.growth, true);
    // What came last is worth keeping, too, unless it is what failed.
    if (this.#isKept) await this.#writer.flush().catch(() => {});
    await this.#writer.settle();
    await this.#handle.close().catch(() => {});
    if (!this.#isKept || this.size === 0) await rm(this.path, { force: true });
  }

  #requireOpen(): void {
    this.#writer.requireSound();
    if (this.#status !== "open") throw new EngineError("internal", "this ingest was committed or dropped already");
  }
}
