import { formatHeader, paddingOf, type TarMember } from "./tar-header.ts";

/** Takes a chunk of the archive, which is its own from then on. May wait; may throw to end the work. */
export type TarOutput = (chunk: Uint8Array<ArrayBuffer>) => void;

const chunkSize = 256 * 1024;
/** Two zero blocks (pax(1)). */
const endMark = 1024;

/** Not filled with zeros first, and handed on as memory of its own. */
function newChunk(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(chunkSize).buffer);
}

/** Writes an archive in chunks. Synchronous: for workers. For each member: begin(), then its bytes by fill() or write(). */
export class TarWriter {
  readonly #output: TarOutput;
  #chunk = newChunk();
  #used = 0;
  /** Bytes of the whole archive so far. */
  written = 0;

  constructor(output: TarOutput) {
    this.#output = output;
  }

  begin(member: TarMember): void {
    this.write(formatHeader(member));
  }

  /** The body of a member with `size` bytes: `read` fills a piece of memory and says how many bytes came; 0 for the end. */
  body(size: number, read: (space: Uint8Array, position: number) => number): void {
    for (let position = 0; position < size; ) {
      const count = read(this.#space(size - position), position);
      if (count === 0) {
        // The file shrank since its size was told: zeros, as tar(1) does.
        this.#zeros(size - position);
        break;
      }
      this.#advance(count);
      position += count;
    }
    this.#zeros(paddingOf(size));
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const space = this.#space(bytes.length - at);
      // Known before the chunk goes, which takes the memory with it.
      const count = space.length;
      space.set(bytes.subarray(at, at + count));
      this.#advance(count);
      at += count;
    }
  }

  finish(): void {
    this.#zeros(endMark);
    this.#flush();
  }

  #zeros(count: number): void {
    for (let left = count; left > 0; ) {
      const filled = this.#space(left).fill(0).length;
      this.#advance(filled);
      left -= filled;
    }
  }

  /** Free room in the current chunk, at least one byte. */
  #space(wanted: number): Uint8Array {
    return this.#chunk.subarray(this.#used, Math.min(chunkSize, this.#used + wanted));
  }

  #advance(count: number): void {
    this.#used += count;
    this.written += count;
    if (this.#used === chunkSize) this.#flush();
  }

  #flush(): void {
    if (this.#used === 0) return;
    const full = this.#chunk;
    const used = this.#used;
    this.#chunk = newChunk();
    this.#used = 0;
    this.#output(used === chunkSize ? full : full.slice(0, used));
  }
}
