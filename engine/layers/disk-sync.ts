import { closeSync, openSync } from "node:fs";
import { EngineError } from "../errors.ts";
import { syncfsElsewhere } from "../host/syscalls.ts";
import { Batched } from "../lib/batched.ts";

/** Milliseconds from the begin of one to the next; what is written meanwhile is on its way to the disk while the next is unpacked. */
const eagerPause = 120;
/** Bytes that are worth it: others use the disk, too. */
const eagerBytes = 8 * 1024 * 1024;

/** Brings all that was written to a file system to its disk: once for all who ask, and in part already while they write. */
export class DiskSync {
  readonly #syncs = new Batched(() => this.#sync());
  #fd: number | null = null;
  #running: Promise<void> = Promise.resolve();
  #failures = 0;
  #lastEager = 0;
  #read = 0;

  /** Grows with each failure: what was written while it grew may be lost. */
  get failures(): number {
    return this.#failures;
  }

  /** directory: any of the file system. It stays open, since a failure to write is told to files that were open then (syncfs(2)). */
  open(directory: string): void {
    this.#fd = openSync(directory, "r");
  }

  /** Resolves when everything that was written before is on the disk. */
  request(): Promise<void> {
    return this.#syncs.request();
  }

  /** Begins, at times, so that little is left to be written when it counts. `bytes` more of an archive were unpacked; default: its rest. */
  begin(bytes = eagerBytes): void {
    this.#read += bytes;
    const now = performance.now();
    if (this.#read < eagerBytes || now - this.#lastEager < eagerPause) return;
    this.#lastEager = now;
    this.#read = 0;
    // A failure is counted.
    this.#syncs.request().catch(() => {});
  }

  /** Waits for what has begun. */
  async close(): Promise<void> {
    const fd = this.#fd;
    if (fd === null) return;
    this.#fd = null;
    await this.#running.catch(() => {});
    closeSync(fd);
  }

  async #sync(): Promise<void> {
    if (this.#fd === null) throw new EngineError("unavailable", "the layer store is closed");
    try {
      this.#running = syncfsElsewhere(this.#fd);
      await this.#running;
    } catch (error) {
      this.#failures++;
      throw error;
    }
  }
}
