import { type BytePath, wireTextOf } from "../../lib/byte-path.ts";
import type { ComparedFile } from "../../protocol/files.ts";
import { removeIfThere } from "./block-file.ts";
import { ContentComparer } from "./compare-contents.ts";
import { kinds } from "./file-record.ts";
import type { CompareTask, StackView } from "./files-tasks.ts";
import { type IndexStore, identityOf } from "./index-store.ts";
import { ListingCursor, mergeNames } from "./listing-cursor.ts";

/** Differences that are remembered for the next page; where there are more, each page looks anew. */
const keptDifferences = 50_000;
const liveTime = 1_000;

type Comparison = { files: ComparedFile[]; total: number };
type Kept = { readonly key: string; readonly until: number; readonly files: readonly ComparedFile[] };

/** Compares two stacks, and remembers the last answer. */
export class FileComparer {
  readonly #store: IndexStore;
  #kept: Kept | null = null;

  constructor(store: IndexStore) {
    this.#store = store;
  }

  /** Files in tree order; directories where only one side has them, or owner or permissions differ. */
  compare(task: CompareTask): Comparison {
    const { offset, limit } = task;
    const sides = [sideOf(this.#store, task.left), sideOf(this.#store, task.right)] as const;
    const key = JSON.stringify([sides.map(({ names }) => names), task.contains]);
    const kept = this.#kept?.key === key && this.#kept.until > performance.now() ? this.#kept.files : null;
    if (kept !== null) return { files: kept.slice(offset, offset + limit), total: kept.length };
    const begin = performance.now();
    const page: ComparedFile[] = [];
    const all: ComparedFile[] = [];
    let total = 0;
    const text = task.contains.toLowerCase();
    compareSides(this.#store, sides, (file) => {
      if (text !== "" && !file.path.toLowerCase().includes(text)) return;
      if (total >= offset && total < offset + limit) page.push(file);
      if (total++ < keptDifferences) all.push(file);
    });
    const isLive = sides.some(({ upper }) => upper !== null);
    const now = performance.now();
    const until = isLive ? now + Math.max(liveTime, 10 * (now - begin)) : Number.POSITIVE_INFINITY;
    this.#kept = total <= keptDifferences ? { key, until, files: all } : null;
    return { files: page, total };
  }
}

type Side = {
  /** Layers by name and directory, lowest first; of the writable one, its key. */
  readonly names: readonly string[];
  readonly directories: readonly string[];
  readonly view: StackView;
  readonly upper: string | null;
};

function sideOf(store: IndexStore, view: StackView): Side {
  const { layers, writable } = view.stack;
  const count = layers.length + (writable === null ? 0 : 1);
  store.checkLayer(view);
  const last = view.layer ?? count - 1;
  const first = view.isOwn && view.layer !== null ? last : 0;
  const chosen = layers.slice(first, last + 1);
  const upper = writable !== null && last === count - 1 ? writable : null;
  return {
    names: [...chosen.map(identityOf), ...(upper === null ? [] : [`writable ${upper.key}`])],
    directories: [...chosen.map(({ directory }) => directory), ...(upper === null ? [] : [upper.directory])],
    view: { ...view, stack: { ...view.stack, layers: chosen, writable: upper } },
    upper: upper?.directory ?? null,
  };
}

function compareSides(store: IndexStore, sides: readonly [Side, Side], emit: (file: ComparedFile) => void): void {
  const [left, right] = sides;
  const isSame = (name: string, index: number) => right.names[index] === name;
  const firstOther = left.names.findIndex((name, index) => !isSame(name, index));
  const shared = firstOther === -1 ? left.names.length : firstOther;
  using held = new DisposableStack();
  const listings = sides.map(({ view, upper }) => {
    const paths = store.listings(view.stack);
    if (upper !== null) paths.push(held.adopt(store.liveListing(view.stack), removeIfThere));
    return paths;
  });
  const paths = [...(listings[0] ?? []), ...(listings[1] ?? []).slice(shared)];
  const cursors = paths.map((path, layer) => held.use(new ListingCursor(path, layer)));
  const contents = new ContentComparer();
  const sources = {
    names: [...left.names, ...right.names.slice(shared)],
    directories: [...left.directories, ...right.directories.slice(shared)],
  };
  new Comparer({ shared, leftCount: left.names.length, sources, contents, emit, store }).top(cursors);
}

type Plan = {
  /** So many layers, from the lowest on, are the same on both sides. */
  readonly shared: number;
  /** Layers of the left side; those behind, and the shared ones, are the right side's. */
  readonly leftCount: number;
  readonly sources: { readonly names: readonly string[]; readonly directories: readonly string[] };
  readonly contents: ContentComparer;
  readonly emit: (file: ComparedFile) => void;
  readonly store: IndexStore;
};

export type Version = {
  readonly layer: number;
  readonly kind: number;
  readonly size: number;
  readonly time: number;
  readonly target: BytePath;
  readonly attributes: string;
  readonly device: number;
};

/** Below these layers a side sees nothing of a directory. */
type Floors = { readonly left: number; readonly right: number };

class Comparer {
  readonly #plan: Plan;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  top(cursors: readonly ListingCursor[]): void {
    for (const cursor of cursors) cursor.advance();
    this.#below(cursors, "", 1, { left: 0, right: 0 });
  }

  #below(cursors: readonly ListingCursor[], path: BytePath, depth: number, floors: Floors): void {
    const { shared, store } = this.#plan;
    const isShared = floors.left < shared && floors.right < shared;
    mergeNames(cursors, depth, (having) => {
      if (store.isCancelled()) throw new Error("cancelled");
      const isSame = isShared && (having.at(-1)?.layer ?? 0) < shared;
      if (!isSame) this.#name(having, path, depth, floors);
      else for (const cursor of having) cursor.skip();
    });
  }

  #name(having: readonly ListingCursor[], parent: BytePath, depth: number, floors: Floors): void {
    const { shared, leftCount } = this.#plan;
    const path = `${parent}/${having[0]?.name ?? ""}`;
    const isLeft = ({ layer }: ListingCursor) => layer < leftCount;
    const isRight = ({ layer }: ListingCursor) => layer < shared || layer >= leftCount;
    const left = sideVersion(having.filter(isLeft), floors.left);
    const right = sideVersion(having.filter(isRight), floors.right);
    const directories = having.filter((cursor) => cursor.kind === kinds.directory);
    for (const cursor of having) cursor.advance();
    this.#tell(path, left.shown, right.shown);
    if (directories.length > 0) this.#below(directories, path, depth + 1, { left: left.floor, right: right.floor });
  }

  #tell(path: BytePath, left: Version | null, right: Version | null): void {
    const change = this.#changeOf(path, left, right);
    if (change === null) return;
    this.#plan.emit({ path: wireTextOf(path), change, left: left?.size ?? null, right: right?.size ?? null });
  }

  #changeOf(path: BytePath, left: Version | null, right: Version | null): ComparedFile["change"] | null {
    if (left === null) return right === null ? null : "added";
    if (right === null) return "removed";
    return this.#areSame(path, left, right) ? null : "modified";
  }

  #areSame(path: BytePath, left: Version, right: Version): boolean {
    const { names, directories } = this.#plan.sources;
    if (names[left.layer] === names[right.layer]) return true;
    if (left.attributes !== right.attributes) return false;
    if (!isRegular(left) || !isRegular(right)) return isSameNode(left, right);
    // The size of a further name is not in its record.
    const isKnown = left.kind === kinds.file && right.kind === kinds.file;
    if (isKnown && left.size !== right.size) return false;
    if (isKnown && left.time === right.time) return true;
    const sides = [directories[left.layer] ?? "", directories[right.layer] ?? ""] as const;
    return this.#plan.contents.areSame(sides, path, left.size);
  }
}

function isRegular({ kind }: Version): boolean {
  return kind === kinds.file || kind === kinds.hardlink;
}

function isSameNode(left: Version, right: Version): boolean {
  return left.kind === right.kind && left.target === right.target && left.device === right.device;
}

/** What one side shows of a name, and what it hides below it. */
function sideVersion(having: readonly ListingCursor[], floor: number): { shown: Version | null; floor: number } {
  const top = having.at(-1);
  const isThere = top !== undefined && top.layer >= floor && top.kind !== kinds.whiteout;
  const hiding = having.findLast((cursor) => cursor.isOpaque || cursor.kind !== kinds.directory);
  return { shown: isThere ? versionOf(top) : null, floor: Math.max(floor, hiding?.layer ?? 0) };
}

function versionOf(cursor: ListingCursor): Version {
  const { layer, kind, time, target, attributes } = cursor;
  const isDevice = kind === kinds.character || kind === kinds.block;
  const size = kind === kinds.file ? cursor.size : 0;
  return { layer, kind, size, time, target, attributes, device: isDevice ? cursor.device : 0 };
}
