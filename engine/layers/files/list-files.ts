import { type BytePath, bytePathOfWire, wireTextOf } from "../../lib/byte-path.ts";
import type { FileEntry } from "../../protocol/files.ts";
import { changeOf, describeNode, isShown, rowOf, sizeOf } from "./describe-node.ts";
import { kinds } from "./file-record.ts";
import type { FileFilter, ListQuery } from "./files-tasks.ts";
import type { OpenTree } from "./index-store.ts";
import { type Located, locate } from "./locate.ts";
import type { TreeNode, TreeReader, TreeView } from "./tree-reader.ts";

const keptAnswers = 4;
/** Characters of paths and link targets in one page. */
const pageText = 1_000_000;

/** What a query found, in its order: offsets of nodes. Pages are cut from it. */
type Answer = Float64Array;

/** Answers queries, and remembers the last ones for their further pages. */
export class FileLister {
  readonly #answers = new Map<string, Answer>();

  /** A page may be shorter than asked for where paths are very long. Fails with `not-found`. */
  list({ tree, view, token }: OpenTree, query: ListQuery): { entries: FileEntry[]; total: number } {
    const key = JSON.stringify([token, view, query.path, query.filter, query.order]);
    const answer = this.#answers.get(key) ?? find(tree, view, query);
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= keptAnswers) break;
      this.#answers.delete(oldest);
    }
    const page = answer.subarray(query.offset, query.offset + query.limit);
    return { entries: shortened(describeAll(tree, view, page)), total: answer.length };
  }
}

function find(tree: TreeReader, view: TreeView, query: ListQuery): Answer {
  const place = locate(tree, view, bytePathOfWire(query.path), false);
  const offsets: number[] = [];
  const sizes: number[] = [];
  const directories: number[] = [];
  const take = (node: TreeNode) => {
    // What is searched for comes as it lies in the tree.
    const isFirst = query.order === "directories" && query.filter === null;
    const isDirectory = isFirst && tree.kindOf(rowOf(node)) === kinds.directory;
    (isDirectory ? directories : offsets).push(node.offset);
    if (query.order === "size") sizes.push(sizeOf(tree, node, view));
  };
  if (query.filter !== null) search(tree, view, { place, filter: query.filter, take });
  else if (tree.kindOf(rowOf(place.node)) !== kinds.directory) take(place.node);
  else {
    tree.children(place.node, view, (child) => {
      if (isShown(child, view)) take(child);
      return true;
    });
  }
  if (query.order === "name") return Float64Array.from(offsets);
  if (query.order === "directories") return directoriesFirst(offsets, directories);
  const order = Uint32Array.from(offsets.keys()).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0) || a - b);
  return Float64Array.from(order, (index) => offsets[index] ?? 0);
}

function directoriesFirst(others: readonly number[], directories: readonly number[]): Answer {
  const answer = new Float64Array(directories.length + others.length);
  answer.set(directories);
  answer.set(others, directories.length);
  return answer;
}

type Search = { readonly place: Located; readonly filter: FileFilter; readonly take: (node: TreeNode) => void };

function search(tree: TreeReader, view: TreeView, { place, filter, take }: Search): void {
  const text = filter.contains.toLowerCase();
  const visit = (parent: TreeNode, path: string): void => {
    const isAll = text === "" || path.includes(text);
    const visitChild = (child: TreeNode) => {
      const isLeaf = child.end === child.first;
      const own = isAll && isLeaf ? "" : `${path}/${wireTextOf(tree.nameOf(child)).toLowerCase()}`;
      if ((isAll || own.includes(text)) && passes(tree, view, child, filter)) take(child);
      if (!isLeaf && isOpen(tree, view, child, filter)) visit(child, own);
    };
    tree.children(parent, view, (child) => {
      if (isShown(child, view)) visitChild(child);
      return true;
    });
  };
  visit(place.node, wireTextOf(place.path).toLowerCase());
}

/** False where nothing below can pass: it is no directory in this view, or the chosen layer says nothing of it, so nothing below it changed. */
function isOpen(tree: TreeReader, view: TreeView, node: TreeNode, filter: FileFilter): boolean {
  if (tree.kindOf(rowOf(node)) !== kinds.directory) return false;
  return !filter.changed || node.row === -1 || node.rowLayer === view.layer;
}

function passes(tree: TreeReader, view: TreeView, node: TreeNode, filter: FileFilter): boolean {
  if (filter.changed && changeOf(tree, node, view) === "unchanged") return false;
  if (filter.minimumSize <= 0) return true;
  return tree.kindOf(rowOf(node)) === kinds.file && tree.sizeOf(rowOf(node)) >= filter.minimumSize;
}

/** Goes down to each of these nodes only. Gives their entries in the same order. */
function describeAll(tree: TreeReader, view: TreeView, offsets: Answer): FileEntry[] {
  const wanted = offsets.toSorted();
  const found = new Map<number, FileEntry>();
  let next = 0;
  const visit = (parent: TreeNode, path: BytePath): void => {
    tree.children(parent, view, (child) => {
      if ((wanted[next] ?? Number.POSITIVE_INFINITY) >= child.end) return next < wanted.length;
      const own = `${path}/${tree.nameOf(child)}`;
      if (wanted[next] === child.offset) {
        found.set(child.offset, describeNode(tree, child, view, own));
        next++;
      }
      if ((wanted[next] ?? Number.POSITIVE_INFINITY) < child.end) visit(child, own);
      return next < wanted.length;
    });
  };
  const root = tree.root(view);
  if (wanted[0] === root.offset) found.set(root.offset, describeNode(tree, root, view, ""));
  if (wanted[next] === root.offset) next++;
  visit(root, "");
  return [...offsets].flatMap((offset) => found.get(offset) ?? []);
}

function shortened(entries: FileEntry[]): FileEntry[] {
  let text = 0;
  const end = entries.findIndex(({ path, linkTarget }, index) => {
    text += path.length + linkTarget.length;
    return index > 0 && text > pageText;
  });
  return end === -1 ? entries : entries.slice(0, end);
}
