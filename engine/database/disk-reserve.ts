import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";

const size = 1024 * 1024;
/** Milliseconds between two tries to get it back. */
const pause = 10_000;

/**
 * A file of zeros that is given back to a full disk, so that a container on it can still be stopped and removed: what frees space needs
 * some itself, to be written down.
 */
export class DiskReserve {
  readonly #path: string;
  #isHeld = false;
  #lastTry = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.#path = path;
    this.#isHeld = isWhole(path);
  }

  /** Takes the space if it is not held. Quick, and quiet where there is none. */
  hold(): void {
    if (this.#isHeld || performance.now() - this.#lastTry < pause) return;
    this.#lastTry = performance.now();
    try {
      const descriptor = openSync(this.#path, "w", 0o600);
      try {
        writeSync(descriptor, Buffer.alloc(size));
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      this.#isHeld = isWhole(this.#path);
    } catch {
      this.#isHeld = false;
    }
    if (!this.#isHeld) rmSync(this.#path, { force: true });
  }

  /** Gives the space back. */
  release(): void {
    rmSync(this.#path, { force: true });
    this.#isHeld = false;
    this.#lastTry = performance.now();
  }
}

function isWhole(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.size === size && found.blocks * 512 >= size;
}
