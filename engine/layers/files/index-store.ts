import { createHash, randomUUID } from "node:crypto";
import { readdirSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { EngineError } from "../../errors.ts";
import { errnoOf } from "../../host/errno.ts";
import type { LayerPlace } from "../layer-store.ts";
import { BlockReader, BlockWriter, DamagedIndex, removeIfThere } from "./block-file.ts";
import { buildTree } from "./build-tree.ts";
import type { Stack, StackView, WritablePlace } from "./files-tasks.ts";
import { TreeReader, type TreeView } from "./tree-reader.ts";
import { walkDirectory } from "./walk-directory.ts";

/** Part of every index's name: files of another format are never looked at. */
const format = "1";
const openLimit = 3;
const cachedTrees = 32;
const cachedBytes = 1024 ** 3;
/** Milliseconds that a look at a layer in use is good for, or ten times what it took. */
const liveTime = 1_000;

/** A tree open for reading. `token` is another one for every file. */
export type OpenTree = { readonly tree: TreeReader; readonly view: TreeView; readonly token: string };

type Kept = { readonly tree: TreeReader; readonly token: string; readonly until: number };

/**
 * Indexes of one worker: the listing of a layer lies beside its files and goes with it, trees lie in the cache directory, the least recently
 * used of which go. All of it can be made again: what is missing or damaged is.
 */
export class IndexStore implements Disposable {
  readonly #open = new Map<string, Kept>();
  isCancelled: () => boolean = () => false;

  /** Null: there are no layers. Fails with `invalid-argument` for a layer that does not exist. */
  openTree(wanted: StackView): OpenTree | null {
    this.checkLayer(wanted);
    const { stack, layer, isOwn } = wanted;
    const count = countOf(stack);
    if (count === 0) return null;
    const top = layer ?? count - 1;
    const isLive = stack.writable !== null && top === count - 1;
    const kept = isLive ? this.#live(stack, isOwn && layer !== null) : this.#cached(stack);
    return { tree: kept.tree, token: kept.token, view: { layer: top, isOwn: isOwn && layer !== null } };
  }

  checkLayer({ stack, layer }: StackView): void {
    if (layer === null || (Number.isInteger(layer) && layer >= 0 && layer < countOf(stack))) return;
    const message = `layer ${layer} does not exist: there are ${countOf(stack)}, counted from 0`;
    throw new EngineError("invalid-argument", message);
  }

  /** Makes the listings that are missing. Gives their paths. */
  listings(stack: Stack): string[] {
    return stack.layers.map((layer) => this.#listing(layer, stack.cache));
  }

  /** Writes down what is in a container's layer now: a file that the caller removes. */
  liveListing(stack: Stack): string {
    const path = join(stack.cache, `.new-${randomUUID()}`);
    if (stack.writable !== null) {
      this.#walk(stack.writable, path, stack.cache);
    }
    return path;
  }

  /** Throws away everything known of a stack: something in it is damaged. */
  forget(stack: Stack): void {
    this[Symbol.dispose]();
    for (const layer of stack.layers) removeIfThere(listingPath(layer));
    removeIfThere(treePath(stack));
  }

  [Symbol.dispose](): void {
    for (const { tree } of this.#open.values()) tree[Symbol.dispose]();
    this.#open.clear();
  }

  #cached(stack: Stack): Kept {
    const path = treePath(stack);
    return this.#once(path, () => {
      try {
        utimesSync(path, new Date(), new Date());
        return { tree: new TreeReader(path), token: path, until: Number.POSITIVE_INFINITY };
      } catch (error) {
        if (errnoOf(error) !== "ENOENT" && !(error instanceof DamagedIndex)) throw error;
      }
      const listings = this.listings(stack);
      trim(stack.cache);
      buildTree({ listings, path, workshop: stack.cache, isSparse: false, isCancelled: this.isCancelled });
      return { tree: new TreeReader(path), token: path, until: Number.POSITIVE_INFINITY };
    });
  }

  #live(stack: Stack, isSparse: boolean): Kept {
    return this.#once(`${stack.writable?.key} ${isSparse}`, () => {
      const begin = performance.now();
      const lower = this.listings(stack);
      const upper = this.liveListing(stack);
      const path = join(stack.cache, `.new-${randomUUID()}`);
      try {
        const listings = [...lower, upper];
        buildTree({ listings, path, workshop: stack.cache, isSparse, isCancelled: this.isCancelled });
        const tree = new TreeReader(path);
        const now = performance.now();
        return { tree, token: path, until: now + Math.max(liveTime, 10 * (now - begin)) };
      } finally {
        // What is open can still be read.
        removeIfThere(path);
        removeIfThere(upper);
      }
    });
  }

  #once(key: string, open: () => Kept): Kept {
    const known = this.#open.get(key);
    if (known !== undefined) {
      this.#open.delete(key);
      if (known.until > performance.now()) {
        this.#open.set(key, known);
        return known;
      }
      known.tree[Symbol.dispose]();
    }
    const made = open();
    this.#open.set(key, made);
    for (const [oldest, kept] of this.#open) {
      if (this.#open.size <= openLimit) break;
      this.#open.delete(oldest);
      kept.tree[Symbol.dispose]();
    }
    return made;
  }

  #listing(layer: LayerPlace, cache: string): string {
    const path = listingPath(layer);
    try {
      new BlockReader(path)[Symbol.dispose]();
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" && !(error instanceof DamagedIndex)) throw error;
      this.#walk({ directory: layer.directory, mountPoints: [] }, path, cache);
    }
    return path;
  }

  #walk(place: Pick<WritablePlace, "directory" | "mountPoints">, path: string, workshop: string): void {
    using out = new BlockWriter(path, workshop);
    walkDirectory(out, { ...place, isCancelled: this.isCancelled });
  }
}

function countOf({ layers, writable }: Stack): number {
  return layers.length + (writable === null ? 0 : 1);
}

/** Beside the layer's directory, so that it goes with it. */
export function listingPath(layer: LayerPlace): string {
  return join(dirname(layer.directory), `files-${format}.idx`);
}

export function treePath(stack: Stack): string {
  const hash = createHash("sha256").update(stack.layers.map(identityOf).join(" "));
  return join(stack.cache, `tree-${format}-${hash.digest("hex").slice(0, 32)}.idx`);
}

/** Its name is not enough: a repair puts another directory in a layer's place. */
export function identityOf({ name, directory }: LayerPlace): string {
  const found = statSync(directory, { throwIfNoEntry: false });
  return `${name}.${found?.ino ?? 0}.${found?.birthtimeMs ?? 0}`;
}

/** Makes room for one more tree. */
function trim(cache: string): void {
  const trees = readdirSync(cache)
    .filter((name) => name.startsWith("tree-"))
    .map((name) => {
      const stat = statSync(join(cache, name), { throwIfNoEntry: false });
      return { path: join(cache, name), size: stat?.size ?? 0, used: stat?.mtimeMs ?? 0 };
    })
    .sort((a, b) => b.used - a.used);
  let bytes = 0;
  for (const [index, tree] of trees.entries()) {
    bytes += tree.size;
    if (index >= cachedTrees - 1 || bytes > cachedBytes) removeIfThere(tree.path);
  }
}
