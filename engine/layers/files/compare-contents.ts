import { fstatSync, readSync } from "node:fs";
import { closeOpened } from "../../host/file-calls.ts";
import type { BytePath } from "../../lib/byte-path.ts";
import { openRegular } from "./read-file.ts";

/** Beyond this, files of one size and different times count as different without a look. */
const byteBudget = 512 * 1024 * 1024;
const fileBudget = 50_000;
const chunkSize = 256 * 1024;

/** Compares files byte by byte, until it has read as much as one comparison of two images may. */
export class ContentComparer {
  #bytes = 0;
  #files = 0;
  readonly #left = Buffer.allocUnsafeSlow(chunkSize);
  readonly #right = Buffer.allocUnsafeSlow(chunkSize);

  /** `directories`: of the two layers in which the path lies. */
  areSame(directories: readonly [string, string], path: BytePath, size: number): boolean {
    if (++this.#files > fileBudget || this.#bytes + size > byteBudget) return false;
    using held = new DisposableStack();
    try {
      const left = held.adopt(openRegular(directories[0], path), closeOpened);
      const right = held.adopt(openRegular(directories[1], path), closeOpened);
      return fstatSync(left).size === fstatSync(right).size && this.#areEqual(left, right);
    } catch {
      // Gone meanwhile.
      return false;
    }
  }

  #areEqual(left: number, right: number): boolean {
    for (;;) {
      const count = readWhole(left, this.#left);
      if (count !== readWhole(right, this.#right)) return false;
      if (count === 0) return true;
      this.#bytes += count;
      if (!this.#left.subarray(0, count).equals(this.#right.subarray(0, count))) return false;
      if (this.#bytes > byteBudget) return false;
    }
  }
}

function readWhole(fd: number, into: Buffer): number {
  let length = 0;
  while (length < into.length) {
    const count = readSync(fd, into, length, into.length - length, null);
    if (count === 0) break;
    length += count;
  }
  return length;
}
