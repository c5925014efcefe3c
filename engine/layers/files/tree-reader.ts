import type { BytePath } from "../../lib/byte-path.ts";
import { BlockReader, blockSize, DamagedIndex } from "./block-file.ts";
import { directoryFields, directoryOffset, type TreeMeta } from "./build-tree.ts";
import { at, headSize, kindMask, kinds, moreBit, opaqueBit } from "./file-record.ts";

/** What is looked at: the sum of the layers up to `layer`, or only what that layer brought. */
export type TreeView = { readonly layer: number; readonly isOwn: boolean };

/** One path, as a view shows it. Rows are offsets of records. */
export type TreeNode = {
  /** Tells it from all others in this tree. */
  readonly offset: number;
  /** The version that shows, and the one that shows in the layers below; -1: none. */
  readonly row: number;
  readonly below: number;
  readonly rowLayer: number;
  /** What is below it stands from `first` to `end`. */
  readonly first: number;
  readonly end: number;
  /** Versions of layers lower than this are hidden below it: in the view, and in the layers below. */
  readonly floor: number;
  readonly floorBelow: number;
};

export type NodeKind = (typeof kinds)[keyof typeof kinds];

/** Reads a file that `buildTree` made, by pages. Fails with DamagedIndex. */
export class TreeReader implements Disposable {
  readonly #reader: BlockReader;
  readonly meta: TreeMeta;
  #block: Buffer;
  #index = 0;
  #start = 0;

  constructor(path: string) {
    this.#reader = new BlockReader(path);
    this.meta = this.#reader.meta as TreeMeta;
    this.#block = this.#reader.block(0);
  }

  root(view: TreeView): TreeNode {
    return this.#node(0, view.layer, 0, 0);
  }

  /** Visits what is directly below, sorted by name, until `visit` says false. */
  children(node: TreeNode, view: TreeView, visit: (child: TreeNode) => boolean): void {
    for (let offset = node.first; offset < node.end; ) {
      const child = this.#node(offset, view.layer, node.floor, node.floorBelow);
      if (!visit(child)) return;
      offset = child.end;
    }
  }

  nameOf(node: TreeNode): BytePath {
    this.#seek(node.offset);
    return this.#text(headSize, this.#block[this.#start + at.name] ?? 0);
  }

  kindOf(row: number): number {
    this.#seek(row);
    return (this.#block[this.#start + at.kind] ?? 0) & kindMask;
  }

  /** Everything a record says but sums. */
  factsOf(row: number) {
    this.#seek(row);
    const block = this.#block;
    const start = this.#start;
    const nameLength = block[start + at.name] ?? 0;
    return {
      kind: (block[start + at.kind] ?? 0) & kindMask,
      mode: block.readUInt16LE(start + at.mode),
      uid: block.readUInt32LE(start + at.uid),
      gid: block.readUInt32LE(start + at.gid),
      layer: block.readUInt16LE(start + at.layer),
      number: block.readUInt32LE(start + at.number),
      size: block.readDoubleLE(start + at.size),
      time: block.readDoubleLE(start + at.time),
      target: this.#text(headSize + nameLength, block.readUInt16LE(start + at.target)),
    };
  }

  /** Bytes of a file's record, without all else. */
  sizeOf(row: number): number {
    this.#seek(row);
    return this.#block.readDoubleLE(this.#start + at.size);
  }

  /** One field of a directory's sums. */
  sumOf(row: number, field: keyof typeof directoryFields): number {
    this.#seek(row);
    return this.#directory(this.#block.readUInt32LE(this.#start + at.number), directoryFields[field]);
  }

  /** All versions of a path up to a layer, lowest first. */
  versions(node: TreeNode, visit: (kind: number, layer: number, size: number) => void): void {
    let offset = node.offset;
    for (let hasMore = true; hasMore; ) {
      this.#seek(offset);
      const kind = this.#block[this.#start + at.kind] ?? 0;
      hasMore = (kind & moreBit) !== 0;
      const length = this.#block.readUInt16LE(this.#start);
      visit(
        kind & kindMask,
        this.#block.readUInt16LE(this.#start + at.layer),
        this.#block.readDoubleLE(this.#start + at.size),
      );
      offset = this.#index * blockSize + this.#start + length;
    }
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }

  #node(offset: number, top: number, floor: number, floorBelow: number): TreeNode {
    const node = { offset: -1, row: -1, below: -1, rowLayer: -1, first: offset, end: 0, floor, floorBelow };
    let directory = -1;
    for (let hasMore = true; hasMore; ) {
      this.#seek(node.first);
      const bits = this.#block[this.#start + at.kind] ?? 0;
      const here = this.#index * blockSize + this.#start;
      if (node.offset === -1) node.offset = here;
      node.first = here + this.#block.readUInt16LE(this.#start);
      hasMore = (bits & moreBit) !== 0;
      if ((bits & kindMask) === kinds.directory) directory = this.#block.readUInt32LE(this.#start + at.number);
      choose(node, { here, bits, layer: this.#block.readUInt16LE(this.#start + at.layer), top, floor, floorBelow });
    }
    node.end = directory === -1 ? node.first : this.#directory(directory, directoryFields.end);
    if (node.end < node.first) throw new DamagedIndex("end");
    return node;
  }

  #directory(number: number, field: number): number {
    const offset = directoryOffset(this.meta.table, number);
    return this.#reader.block(Math.floor(offset / blockSize)).readDoubleLE((offset % blockSize) + field);
  }

  /** Makes the record at this offset, or the first of the next block if there is none, the current one. */
  #seek(offset: number): void {
    let index = Math.floor(offset / blockSize);
    let start = offset - index * blockSize;
    // Each time, since a block is in memory only until some others have been asked for.
    this.#load(index);
    if (start + 2 > this.#block.length || this.#block.readUInt16LE(start) === 0) {
      index++;
      start = 0;
      this.#load(index);
    }
    this.#start = start;
  }

  #load(index: number): void {
    this.#block = this.#reader.block(index);
    this.#index = index;
  }

  #text(from: number, length: number): BytePath {
    return this.#block.toString("latin1", this.#start + from, this.#start + from + length);
  }
}

type Choice = {
  readonly here: number;
  readonly bits: number;
  readonly layer: number;
  readonly top: number;
  readonly floor: number;
  readonly floorBelow: number;
};

/** Takes a version into account: it may be what shows, and may hide what those below it have below the path. */
function choose(node: { -readonly [F in keyof TreeNode]: TreeNode[F] }, choice: Choice): void {
  const { here, bits, layer, top } = choice;
  if (layer > top) return;
  const kind = bits & kindMask;
  const row = kind === kinds.whiteout ? -1 : here;
  const isHiding = kind !== kinds.directory || (bits & opaqueBit) !== 0;
  if (layer >= choice.floor) {
    node.row = row;
    node.rowLayer = layer;
  }
  if (isHiding) node.floor = Math.max(node.floor, layer);
  if (layer === top) return;
  if (layer >= choice.floorBelow) node.below = row;
  if (isHiding) node.floorBelow = Math.max(node.floorBelow, layer);
}
