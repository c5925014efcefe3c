import type { FileHandle } from "node:fs/promises";
import { EngineError, messageOf } from "../errors.ts";
import { leaveGarbage, releaseBytes } from "../lib/young-garbage.ts";

const batchSize = 512 * 1024;
/** A piece this large is written as it is. */
const largePiece = 256 * 1024;

export type BatchEvents = {
  /** Before a batch is written. */
  readonly onBatch?: (bytes: Uint8Array) => void;
  /** These many bytes of the file are there now. */
  readonly onWritten?: (size: number) => void;
};

/**
 * Appends to a file in batches of 512 KiB; a batch is written while the next one gathers. Small pieces are copied, so that they do not keep
 * the memory alive of which they are parts; a large one must not be changed until the next write resolves.
 */
export class BatchWriter {
  readonly #handle: FileHandle;
  readonly #events: BatchEvents;
  /** Two at most: one gathers while the other is written. Null where there is none yet, or none any more. */
  #gathering: Buffer | null = null;
  #other: Buffer | null = null;
  #gathered = 0;
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
    return this.#position + this.#gathered;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.requireSound();
    if (bytes.length >= largePiece) {
      await this.#send();
      return this.#begin(bytes);
    }
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + batchSize - this.#gathered);
      this.#gathering ??= Buffer.allocUnsafeSlow(batchSize);
      this.#gathering.set(part, this.#gathered);
      this.#gathered += part.length;
      at += part.length;
      if (this.#gathered === batchSize) await this.#send();
    }
  }

  /** Writes what the caller does not use any more: its memory goes as soon as may be. */
  async take(bytes: Uint8Array): Promise<void> {
    await this.write(bytes);
    // A large piece is still being written.
    if (bytes.length < largePiece) releaseBytes(bytes);
  }

  /** Resolves when everything is in the file. */
  async flush(): Promise<void> {
    await this.#send();
    await this.#writing;
    // Many files may wait for what becomes of them.
    this.#gathering = null;
    this.#other = null;
    this.requireSound();
  }

  /** Resolves when nothing is being written; what was gathered only is forgotten. Never fails. */
  async settle(): Promise<void> {
    this.#gathered = 0;
    await this.#writing;
  }

  requireSound(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  async #send(): Promise<void> {
    const buffer = this.#gathering;
    if (this.#gathered === 0 || buffer === null) return;
    const batch = buffer.subarray(0, this.#gathered);
    this.#gathered = 0;
    // The other one may be in use until the write before this one has ended, which is awaited.
    this.#gathering = this.#other;
    this.#other = buffer;
    await this.#begin(batch);
  }

  /** Resolves when these bytes are being written, those before them are. */
  async #begin(batch: Uint8Array): Promise<void> {
    this.#events.onBatch?.(batch);
    const position = this.#position;
    this.#position += batch.length;
    // What it was received in.
    leaveGarbage(batch.length);
    await this.#writing;
    this.requireSound();
    this.#writing = this.#writeAll(batch, position).then(
      () => this.#events.onWritten?.(position + batch.length),
      (error: unknown) => {
        this.#failure = writeFailure(error);
      },
    );
  }

  async #writeAll(batch: Uint8Array, position: number): Promise<void> {
    // A nearly full disk takes a part; the next write says why.
    for (let done = 0; done < batch.length; ) {
      const { bytesWritten } = await this.#handle.write(batch, done, batch.length - done, position + done);
      done += bytesWritten;
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
