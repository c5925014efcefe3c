import type { BytePath } from "../../lib/byte-path.ts";
import { BlockReader, blockSize, DamagedIndex } from "./block-file.ts";
import { at, headSize, kindMask, opaqueBit } from "./file-record.ts";

/** Reads a listing from its first record to its last; one block of it is in memory. */
export class ListingCursor implements Disposable {
  readonly #reader: BlockReader;
  readonly #count: number;
  #index = -1;
  #length = 0;
  #name: BytePath | null = null;
  /** Place of the layer among those that are merged. */
  readonly layer: number;
  /** The current record begins at `start` in it. */
  readonly block = Buffer.allocUnsafeSlow(blockSize);
  start = 0;
  /** Bytes of the current record. */
  length = 0;
  /** Of the current record; -1 behind the last. */
  depth = 0;

  constructor(path: string, layer: number) {
    this.layer = layer;
    this.#reader = new BlockReader(path);
    this.#count = Math.ceil(this.#reader.length / blockSize);
    this.advance();
  }

  get name(): BytePath {
    this.#name ??= this.#text(headSize, this.block[this.start + at.name] ?? 0);
    return this.#name;
  }

  get kind(): number {
    return (this.block[this.start + at.kind] ?? 0) & kindMask;
  }

  get isOpaque(): boolean {
    return ((this.block[this.start + at.kind] ?? 0) & opaqueBit) !== 0;
  }

  get size(): number {
    return this.block.readDoubleLE(this.start + at.size);
  }

  get time(): number {
    return this.block.readDoubleLE(this.start + at.time);
  }

  get target(): BytePath {
    const from = headSize + (this.block[this.start + at.name] ?? 0);
    return this.#text(from, this.length - from);
  }

  /** Permissions and owners, to be compared. */
  get attributes(): string {
    const { block, start } = this;
    return (
      block.toString("latin1", start + at.mode, start + at.layer) +
      block.toString("latin1", start + at.uid, start + at.number)
    );
  }

  get device(): number {
    return this.block.readUInt32LE(this.start + at.number);
  }

  advance(): void {
    this.#name = null;
    let start = this.start + this.length;
    if (start + 2 > this.#length || this.block.readUInt16LE(start) === 0) {
      if (++this.#index >= this.#count) {
        this.depth = -1;
        this.length = 0;
        return;
      }
      this.#length = this.#reader.fill(this.#index, this.block);
      start = 0;
    }
    this.start = start;
    this.length = this.block.readUInt16LE(start);
    if (this.length < headSize || start + this.length > this.#length) throw new DamagedIndex("record");
    this.depth = this.block.readUInt16LE(start + at.depth);
  }

  /** Goes past the current record and all below it. */
  skip(): void {
    const { depth } = this;
    do this.advance();
    while (this.depth > depth);
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }

  #text(from: number, length: number): BytePath {
    return this.block.toString("latin1", this.start + from, this.start + from + length);
  }
}

/** Goes on with the next name below one directory. Called with those that have it, lowest layer first; it moves them past it. */
export type VisitName = (having: readonly ListingCursor[]) => void;

/** Visits each name at `depth` which the cursors, lowest layer first, stand before. */
export function mergeNames(cursors: readonly ListingCursor[], depth: number, visit: VisitName): void {
  const only = cursors.length === 1 ? cursors[0] : undefined;
  if (only !== undefined) {
    while (only.depth === depth) visit(cursors);
    return;
  }
  for (let having = firstOf(cursors, depth); having.length > 0; having = firstOf(cursors, depth)) visit(having);
}

/** Those that stand before the first of all names at this depth. */
function firstOf(cursors: readonly ListingCursor[], depth: number): ListingCursor[] {
  let name: BytePath = "";
  let having: ListingCursor[] = [];
  for (const cursor of cursors) {
    if (cursor.depth !== depth) continue;
    if (having.length === 0 || cursor.name < name) {
      name = cursor.name;
      having = [cursor];
    } else if (cursor.name === name) having.push(cursor);
  }
  return having;
}
