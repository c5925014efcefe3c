import { closeSync, fdatasync, openSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

const sync = promisify(fdatasync);

/**
 * Brings a database's write-ahead log to the disk on a thread of libuv's, where SQLite itself would keep the calling one waiting. SQLite
 * believes of the log what has its checksums, up to the first that is wrong (https://www.sqlite.org/walformat.html), so that it matters
 * to nobody who has synced it. No lock is on that file, which a second descriptor could take away when it is closed.
 */
export class LogFlusher {
  readonly #path: string;
  #descriptor: number | null = null;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** Of the log itself. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when what was written before this call is on the disk. All who come while a sync is under way wait for the next one together. */
  flush(): Promise<void> {
    if (this.#running === null) return this.#begin();
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return this.#begin();
      });
    return this.#next;
  }

  close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    if (descriptor === null) return;
    // In use it would be somebody else's file by the time the call comes to it.
    if (this.#running === null) closeSync(descriptor);
    else void this.#running.catch(() => {}).then(() => closeSync(descriptor));
  }

  #begin(): Promise<void> {
    const running = this.#sync().finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }

  async #sync(): Promise<void> {
    if (this.#descriptor !== null) return await sync(this.#descriptor);
    const descriptor = openIfThere(this.#path);
    // Nothing was written yet.
    if (descriptor === null) return;
    this.#descriptor = descriptor;
    await sync(descriptor);
    // SQLite makes the file with the first write, and its name durable with the first sync of its own.
    const directory = await open(dirname(this.#path), "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
