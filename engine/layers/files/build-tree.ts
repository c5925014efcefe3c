import { BlockWriter, blockSize } from "./block-file.ts";
import { at, kindMask, kinds, moreBit } from "./file-record.ts";
import { ListingCursor, mergeNames } from "./listing-cursor.ts";

/** Bytes of an entry of the table of directories: f64 each, in the order of `directoryFields`. */
export const directorySize = 64;
export const directoryFields = {
  /** Offset of the record behind all that is below it. */
  end: 0,
  /** Bytes and entries below it in the sum of the layers up to the record's. */
  sumSize: 8,
  sumEntries: 16,
  /** Bytes and entries below it that the record's layer brought. */
  ownSize: 24,
  ownEntries: 32,
  /** 1: this layer changed something below it, or itself. */
  changed: 40,
} as const;

/** Offset of an entry: entries fill blocks of the file behind the records. */
export function directoryOffset(table: number, number: number): number {
  const perBlock = blockSize / directorySize;
  return table + Math.floor(number / perBlock) * blockSize + (number % perBlock) * directorySize;
}

export type TreeMeta = {
  readonly kind: "tree";
  readonly layers: number;
  /** Offset of the table of directories, at the beginning of a block. */
  readonly table: number;
  /** Only what the topmost layer touches is in it, and no sums but its own. */
  readonly isSparse: boolean;
};

export type BuildOptions = {
  readonly listings: readonly string[];
  readonly path: string;
  /** Where the file is while it is made. */
  readonly workshop: string;
  readonly isSparse: boolean;
  readonly isCancelled: () => boolean;
};

/**
 * Merges the listings of a stack, lowest first, into one tree: every path with all its versions, lowest first, and for each directory what
 * is below it after each layer that touches it. From this one file any layer, and the sum up to any, can be shown. One pass, and in memory are
 * a block of each listing and the table of directories.
 */
export function buildTree(options: BuildOptions): void {
  using held = new DisposableStack();
  const cursors = options.listings.map((path, layer) => held.use(new ListingCursor(path, layer)));
  const out = held.use(new BlockWriter(options.path, options.workshop));
  const builder = new TreeBuilder(out, cursors.length - 1, options);
  builder.node(cursors, null, !options.isSparse);
  const table = builder.writeDirectories();
  out.finish({ kind: "tree", layers: cursors.length, table, isSparse: options.isSparse } satisfies TreeMeta);
}

/** One directory being merged: what its children add up to, by the layers that have it. */
type Frame = {
  readonly depth: number;
  readonly layers: readonly number[];
  /** Layers that hide all which those below them have in it, ascending. */
  readonly resets: readonly number[];
  readonly sumSize: number[];
  readonly sumEntries: number[];
  readonly ownSize: number[];
  readonly ownEntries: number[];
  readonly changed: boolean[];
};

/** A version of a name: what the cursor said, which moves on. */
type Version = {
  readonly layer: number;
  readonly kind: number;
  readonly isOpaque: boolean;
  readonly size: number;
  readonly attributes: string;
  /** Number in the table of directories. */
  readonly directory: number;
};

/** What shows of a name below the layer in hand. */
type Below = {
  readonly layer: number;
  readonly kind: number;
  readonly size: number;
  readonly entries: number;
  readonly attributes: string;
};

class TreeBuilder {
  readonly #out: BlockWriter;
  readonly #top: number;
  readonly #isCancelled: () => boolean;
  /** Six numbers a directory. */
  #directories = new Float64Array(6 * 1024);
  #count = 0;
  #steps = 0;

  constructor(out: BlockWriter, top: number, options: { readonly isCancelled: () => boolean }) {
    this.#out = out;
    this.#top = top;
    this.#isCancelled = options.isCancelled;
  }

  /** `isWanted`: also where the topmost layer does not have the name. */
  node(having: readonly ListingCursor[], parent: Frame | null, isWanted: boolean): void {
    if ((++this.#steps & 0xfff) === 0 && this.#isCancelled()) throw new Error("cancelled");
    const first = having[0];
    if (first === undefined) return;
    if (!isWanted && having.at(-1)?.layer !== this.#top) {
      for (const cursor of having) cursor.skip();
      return;
    }
    if (having.length === 1 && first.kind !== kinds.directory && parent !== null) {
      this.#leaf(first, parent);
      return;
    }
    const versions = having.map((cursor, index) => this.#version(cursor, index < having.length - 1));
    const frame = this.#children(having, versions, parent, isWanted);
    this.#settle(versions, frame, parent);
  }

  /** Gives the offset of the table. */
  writeDirectories(): number {
    const out = this.#out;
    out.nextBlock();
    const table = out.offset;
    for (let number = 0; number < this.#count; number++) {
      out.reserve(directorySize);
      for (let field = 0; field < 6; field++) {
        out.block.writeDoubleLE(this.#directories[number * 6 + field] ?? 0, out.at + field * 8);
      }
      out.at += directorySize;
    }
    return table;
  }

  /** The most frequent case: one layer has it, and it is no directory. */
  #leaf(cursor: ListingCursor, parent: Frame): void {
    const { kind } = cursor;
    const size = kind === kinds.file ? cursor.size : 0;
    this.#copy(cursor, 0, false);
    const index = parent.layers.indexOf(cursor.layer);
    if (kind !== kinds.whiteout) {
      add(parent.sumSize, index, size);
      add(parent.sumEntries, index, 1);
      add(parent.ownSize, index, size);
      parent.changed[index] = true;
    }
    add(parent.ownEntries, index, 1);
    cursor.skip();
  }

  #version(cursor: ListingCursor, hasMore: boolean): Version {
    const { kind, isOpaque, layer } = cursor;
    const isDirectory = kind === kinds.directory;
    const directory = isDirectory ? this.#newDirectory() : 0;
    const size = kind === kinds.file ? cursor.size : 0;
    const attributes = isDirectory ? cursor.attributes : "";
    this.#copy(cursor, directory, hasMore);
    cursor.advance();
    return { layer, kind, isOpaque, size, attributes, directory };
  }

  #children(
    having: readonly ListingCursor[],
    versions: readonly Version[],
    parent: Frame | null,
    isWanted: boolean,
  ): Frame | null {
    const cursors = having.filter((_, index) => versions[index]?.kind === kinds.directory);
    if (cursors.length === 0) return null;
    const own = versions
      .filter((version) => version.isOpaque || version.kind !== kinds.directory)
      .map((version) => version.layer);
    const resets = parent?.resets ?? [];
    const frame: Frame = {
      depth: parent === null ? 0 : parent.depth + 1,
      layers: cursors.map((cursor) => cursor.layer),
      resets: own.length === 0 ? resets : [...new Set([...resets, ...own])].sort((a, b) => a - b),
      sumSize: cursors.map(() => 0),
      sumEntries: cursors.map(() => 0),
      ownSize: cursors.map(() => 0),
      ownEntries: cursors.map(() => 0),
      changed: cursors.map(() => false),
    };
    // What the topmost layer hides is listed with its size.
    const isWantedBelow = isWanted || own.includes(this.#top);
    mergeNames(cursors, frame.depth + 1, (names) => this.node(names, frame, isWantedBelow));
    return frame;
  }

  /** Adds up each version, and tells the parent what changed with it. */
  #settle(versions: readonly Version[], frame: Frame | null, parent: Frame | null): void {
    let below: Below | null = null;
    const end = this.#out.offset;
    for (const version of versions) {
      const { layer, kind } = version;
      if (below !== null && parent !== null && isReset(parent.resets, below.layer, layer)) below = null;
      const now = this.#sum(version, frame, below, end);
      if (parent !== null) this.#tell(parent, { version, frame, below, now });
      below = kind === kinds.whiteout ? null : now;
    }
  }

  #sum(version: Version, frame: Frame | null, below: Below | null, end: number): Below {
    const { layer, kind, attributes } = version;
    if (kind !== kinds.directory || frame === null) return { layer, kind, size: version.size, entries: 0, attributes };
    const index = frame.layers.indexOf(layer);
    const isFresh = below === null || below.kind !== kinds.directory || version.isOpaque;
    const size = (isFresh ? 0 : below.size) + (frame.sumSize[index] ?? 0);
    const entries = (isFresh ? 0 : below.entries) + (frame.sumEntries[index] ?? 0);
    const isHiding = version.isOpaque && below !== null && below.kind === kinds.directory && below.entries > 0;
    const isOther = below === null || below.kind !== kinds.directory || below.attributes !== attributes;
    const isChanged = isHiding || isOther || frame.changed[index] === true;
    frame.changed[index] = isChanged;
    const ownSize = frame.ownSize[index] ?? 0;
    const ownEntries = frame.ownEntries[index] ?? 0;
    this.#directories.set([end, size, entries, ownSize, ownEntries, isChanged ? 1 : 0], version.directory * 6);
    return { layer, kind, size, entries, attributes };
  }

  #tell(
    parent: Frame,
    { version, frame, below, now }: { version: Version; frame: Frame | null; below: Below | null; now: Below },
  ): void {
    const index = parent.layers.indexOf(version.layer);
    const own = frame?.layers.indexOf(version.layer) ?? -1;
    const isThere = version.kind !== kinds.whiteout;
    add(parent.sumSize, index, now.size - (below?.size ?? 0));
    add(parent.sumEntries, index, (isThere ? 1 + now.entries : 0) - (below === null ? 0 : 1 + below.entries));
    add(parent.ownSize, index, own === -1 ? version.size : (frame?.ownSize[own] ?? 0));
    add(parent.ownEntries, index, 1 + (own === -1 ? 0 : (frame?.ownEntries[own] ?? 0)));
    const isChanged = own === -1 ? isThere || below !== null : frame?.changed[own] === true;
    if (isChanged) parent.changed[index] = true;
  }

  #copy(cursor: ListingCursor, directory: number, hasMore: boolean): void {
    const out = this.#out;
    out.reserve(cursor.length);
    const { block, at: start } = out;
    cursor.block.copy(block, start, cursor.start, cursor.start + cursor.length);
    block.writeUInt16LE(cursor.layer, start + at.layer);
    if (hasMore) block[start + at.kind] = (block[start + at.kind] ?? 0) | moreBit;
    if (((block[start + at.kind] ?? 0) & kindMask) === kinds.directory)
      block.writeUInt32LE(directory, start + at.number);
    out.at += cursor.length;
  }

  #newDirectory(): number {
    if ((this.#count + 1) * 6 > this.#directories.length) {
      const larger = new Float64Array(this.#directories.length * 2);
      larger.set(this.#directories);
      this.#directories = larger;
    }
    return this.#count++;
  }
}

function add(sums: number[], index: number, amount: number): void {
  sums[index] = (sums[index] ?? 0) + amount;
}

/** True: something between hides what the lower layer has. */
function isReset(resets: readonly number[], lower: number, upper: number): boolean {
  for (const reset of resets) if (reset > lower && reset <= upper) return true;
  return false;
}
