import { type BytePath, wireTextOf } from "../../lib/byte-path.ts";
import { kinds } from "./file-record.ts";
import type { WasteResult } from "./files-tasks.ts";
import type { OpenTree } from "./index-store.ts";
import type { TreeNode } from "./tree-reader.ts";

type Wasted = { readonly path: BytePath; readonly layers: number; readonly bytes: number };

/**
 * What a stack of layers carries without need, as dive tells it (its filetree package, `Efficiency`): efficiency is, over all paths that are no
 * directories, the sum of the smallest version of each, divided by the sum of all versions of all; a removal counts as a version of no
 * bytes, and a stack without bytes has 1. So a file written twice, or removed, lowers it by its weight. Other than dive, files that go with their
 * directory count as removed, too; dive takes the directory for a file of its own and finds nothing wasted.
 *
 * `wastedBytes` are those of all versions but the one that shows from above; all where none does. Hard links have no bytes of their own.
 */
export function findWaste({ tree, view }: OpenTree, limit: number): WasteResult {
  let total = 0;
  let smallest = 0;
  let wasted = 0;
  const worst = new Worst(limit);
  const visit = (parent: TreeNode, path: BytePath): void => {
    tree.children(parent, view, (node) => {
      const found = versionsOf(node);
      total += found.bytes;
      smallest += found.smallest;
      if (found.wasted > 0) {
        wasted += found.wasted;
        const full = () => `${path}/${tree.nameOf(node)}`;
        worst.add(found.wasted, () => ({ path: full(), layers: found.layers, bytes: found.wasted }));
      }
      if (node.end > node.first) visit(node, `${path}/${tree.nameOf(node)}`);
      return true;
    });
  };
  const versionsOf = (node: TreeNode) => {
    let bytes = 0;
    let layers = 0;
    let least = Number.POSITIVE_INFINITY;
    let last = 0;
    tree.versions(node, (kind, layer, size) => {
      if (layer > view.layer) return;
      const own = kind === kinds.file ? size : 0;
      bytes += own;
      layers++;
      least = Math.min(least, own);
      last = kind;
    });
    // Nothing in the tree says so where a directory above it went.
    const isHidden = node.row === -1 && last !== kinds.whiteout && layers > 0;
    const shown = node.row !== -1 && tree.kindOf(node.row) === kinds.file ? tree.sizeOf(node.row) : 0;
    const smallest = layers === 0 || node.row === -1 ? 0 : least;
    return { bytes, layers: layers + (isHidden ? 1 : 0), smallest, wasted: bytes - shown };
  };
  visit(tree.root(view), "");
  const files = worst.list().map((file) => ({ ...file, path: wireTextOf(file.path) }));
  return { efficiency: total === 0 ? 1 : smallest / total, wastedBytes: wasted, totalBytes: total, files };
}

/** Keeps the largest. */
class Worst {
  readonly #limit: number;
  #files: Wasted[] = [];
  #least = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(bytes: number, make: () => Wasted): void {
    if (bytes <= this.#least) return;
    this.#files.push(make());
    if (this.#files.length < this.#limit * 2 + 100) return;
    this.#files = this.list();
    this.#least = this.#files.at(-1)?.bytes ?? 0;
  }

  list(): Wasted[] {
    return this.#files.sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1)).slice(0, this.#limit);
  }
}
