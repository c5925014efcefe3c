import type { FileHandle } from "node:fs/promises";
import { EngineError, messageOf } from "../errors.ts";

const batchBytes = 1024 * 1024;
/** writev(2) takes at most IOV_MAX (1024) buffers. */
const batchChunks = 256;

export type BatchEvents = {
  /** Before a batch is written. */
  readonly onBatch?: (chunks: readonly Uint8Array[]) => void;
  /** These many bytes of the file are there now. */
  readonly onWritten?: (size: number) => void;
};

/**
 * Appends to a file in batches of about 1 MiB; a batch is written while the next one gathers. Chunks are kept until then, so a caller
 * may not reuse their memory.
 */
export class BatchWriter {
  readonly #handle: FileHandle;
  readonly #events: BatchEvents;
  #batch: Uint8Array[] = [];
  #batchSize = 0;
  /** Bytes given to the system so far. */
  #position: number;
  #writing: Promise<void> = Promise.resolve();
  #failure: EngineError | null = null;

  constructor(handle: FileHandle, position: number, events: BatchEvents) {
    this.#handle = handle;
    this.#position = position;
    this.#events = events;
  }

  /** Bytes of the file, those included that are being written. */
  get size(): number {
    return this.#position + this.#batchSize;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.requireSound();
    this.#batch.push(bytes);
    this.#batchSize += bytes.length;
    if (this.#batchSize >= batchBytes || this.#batch.length >= batchChunks) await this.#send();
  }

  /** Resolves when everything is in the file. */
  async flush(): Promise<void> {
    await this.#send();
    await this.#writing;
    this.requireSound();
  }

  /** Resolves when nothing is being written; what was gathered only is forgotten. Never fails. */
  async settle(): Promise<void> {
    this.#batch = [];
    this.#batchSize = 0;
    await this.#writing;
  }

  requireSound(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  async #send(): Promise<void> {
    const batch = this.#batch;
    const size = this.#batchSize;
    this.#batch = [];
    this.#batchSize = 0;
    if (size === 0) return;
    this.#events.onBatch?.(batch);
    const position = this.#position;
    this.#position += size;
    await this.#writing;
    this.requireSound();
    this.#writing = this.#writeAll(batch, size, position).then(
      () => this.#events.onWritten?.(position + size),
      (error: unknown) => {
        this.#failure = writeFailure(error);
      },
    );
  }

  async #writeAll(batch: readonly Uint8Array[], size: number, position: number): Promise<void> {
    const { bytesWritten } = await this.#handle.writev(batch, position);
    if (bytesWritten === size) return;
    // A short write: a nearly full disk. The rest in one piece, which then says why.
    const rest = Buffer.concat(batch).subarray(bytesWritten);
    for (let done = 0; done < rest.length; ) {
      const step = await this.#handle.write(rest, done, rest.length - done, position + bytesWritten + done);
      done += step.bytesWritten;
    }
  }
}

export function writeFailure(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new EngineError("resource-exhausted", "write blob: no space left on the disk of the engine's root", {
      cause: error,
      hint: "free space, or start the engine with --root on a larger disk",
    });
  }
  return new EngineError("internal", `write blob: ${messageOf(error)}`, { cause: error });
}
