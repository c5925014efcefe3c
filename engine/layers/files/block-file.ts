import { randomUUID } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { errnoOf } from "../../host/errno.ts";

/** Records never lie across the border of two blocks. */
export const blockSize = 65_536;
const footerSize = 32;
const magic = 0x31585447;
/** Blocks a reader keeps: 2 MB. */
const keptBlocks = 32;

/** An index that cannot be believed: it is made anew. */
export class DamagedIndex extends Error {
  override readonly name = "DamagedIndex";
}

/**
 * A file of blocks, each with a checksum, so that half a write or a flipped bit is noticed when, and only when, its block is read. What is in it can
 * always be made again, so nothing is synced. Layout: blocks, checksums (u32 each), meta (JSON), footer (magic, number of blocks, bytes of the
 * blocks as f64, bytes of meta, checksum of checksums and meta).
 */
export class BlockWriter implements Disposable {
  readonly #path: string;
  readonly #beside: string;
  readonly #fd: number;
  readonly #sums: number[] = [];
  #isKept = false;
  /** The block being filled. */
  readonly block = Buffer.alloc(blockSize);
  /** Where in it the next record goes. */
  at = 0;

  /** `workshop`: a directory on the same file system, for the file while it is written. */
  constructor(path: string, workshop: string) {
    this.#path = path;
    this.#beside = join(workshop, `.new-${randomUUID()}`);
    this.#fd = openSync(this.#beside, "wx", 0o600);
  }

  /** Offset in the file of what is written next. */
  get offset(): number {
    return this.#sums.length * blockSize + this.at;
  }

  /** Makes room for so many bytes in one piece; the rest of a block that has none stays zero. */
  reserve(length: number): void {
    if (this.at + length > blockSize) this.nextBlock();
  }

  nextBlock(): void {
    if (this.at === 0) return;
    this.block.fill(0, this.at);
    this.#write(blockSize);
  }

  /** Gives the file its name. */
  finish(meta: unknown): void {
    const length = this.offset;
    if (this.at > 0) this.#write(this.at);
    const sums = Buffer.from(new Uint32Array(this.#sums).buffer);
    const text = Buffer.from(JSON.stringify(meta));
    const footer = Buffer.alloc(footerSize);
    footer.writeUInt32LE(magic, 0);
    footer.writeUInt32LE(this.#sums.length, 4);
    footer.writeDoubleLE(length, 8);
    footer.writeUInt32LE(text.length, 16);
    footer.writeUInt32LE(crc32(text, crc32(sums)), 20);
    writeAll(this.#fd, Buffer.concat([sums, text, footer]));
    renameSync(this.#beside, this.#path);
    this.#isKept = true;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
    if (!this.#isKept) removeIfThere(this.#beside);
  }

  #write(length: number): void {
    const bytes = this.block.subarray(0, length);
    this.#sums.push(crc32(bytes));
    writeAll(this.#fd, bytes);
    this.at = 0;
  }
}

/** Reads blocks in any order. Fails with DamagedIndex where one is not as it was written. */
export class BlockReader implements Disposable {
  readonly #fd: number;
  readonly #sums: Uint32Array;
  /** The one used last is the last. */
  readonly #kept = new Map<number, Buffer>();
  #last = -1;
  #lastBlock: Buffer = Buffer.alloc(0);
  /** Bytes of all blocks. */
  readonly length: number;
  readonly meta: unknown;

  /** Fails with ENOENT, or DamagedIndex. */
  constructor(path: string) {
    this.#fd = openSync(path, "r");
    try {
      const { size } = fstatSync(this.#fd);
      const footer = this.#read(size - footerSize, footerSize);
      const count = footer.readUInt32LE(4);
      const metaLength = footer.readUInt32LE(16);
      this.length = footer.readDoubleLE(8);
      const isFooter = footer.readUInt32LE(0) === magic && Math.ceil(this.length / blockSize) === count;
      if (!isFooter || this.length + count * 4 + metaLength + footerSize !== size) throw new DamagedIndex(path);
      const tail = this.#read(this.length, count * 4 + metaLength);
      if (crc32(tail) !== footer.readUInt32LE(20)) throw new DamagedIndex(path);
      this.#sums = new Uint32Array(count);
      for (let index = 0; index < count; index++) this.#sums[index] = tail.readUInt32LE(index * 4);
      this.meta = JSON.parse(tail.toString("utf8", count * 4));
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /**
   * The block at this index, in memory that is used again after some further calls with other indexes. The last block of a file may be followed by
   * bytes of another one.
   */
  block(index: number): Buffer {
    if (index === this.#last) return this.#lastBlock;
    let block = this.#kept.get(index);
    if (block === undefined) {
      block = this.#freeBlock();
      this.fill(index, block);
    } else this.#kept.delete(index);
    this.#kept.set(index, block);
    this.#last = index;
    this.#lastBlock = block;
    return block;
  }

  /** Reads a block into a buffer of the caller's, and gives its length. */
  fill(index: number, into: Buffer): number {
    const length = this.#lengthOf(index);
    const bytes = into.subarray(0, length);
    if (readSync(this.#fd, bytes, 0, length, index * blockSize) !== length || crc32(bytes) !== this.#sums[index]) {
      throw new DamagedIndex(`block ${index}`);
    }
    return length;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** Memory that the garbage collector would see late is taken from the block that was used least recently. */
  #freeBlock(): Buffer {
    if (this.#kept.size >= keptBlocks) {
      for (const [index, block] of this.#kept) {
        this.#kept.delete(index);
        return block;
      }
    }
    return Buffer.allocUnsafeSlow(blockSize);
  }

  #lengthOf(index: number): number {
    const length = Math.min(blockSize, this.length - index * blockSize);
    if (length > 0) return length;
    throw new DamagedIndex(`no block ${index}`);
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(Math.max(0, length));
    if (offset < 0 || readSync(this.#fd, bytes, 0, length, offset) !== length) throw new DamagedIndex("too short");
    return bytes;
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
