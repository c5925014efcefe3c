import { type BytePath, wireTextOf } from "../../lib/byte-path.ts";
import type { FileEntry } from "../../protocol/files.ts";
import { kinds } from "./file-record.ts";
import type { TreeNode, TreeReader, TreeView } from "./tree-reader.ts";

const types: ReadonlyMap<number, FileEntry["type"]> = new Map([
  [kinds.file, "file"],
  [kinds.directory, "directory"],
  [kinds.symlink, "symlink"],
  [kinds.hardlink, "hardlink"],
  [kinds.character, "device"],
  [kinds.block, "device"],
  [kinds.fifo, "fifo"],
  [kinds.socket, "socket"],
]);

/** The last moment a Date can hold. */
const lastTime = 8.64e15;

/** False: nothing of this layer, or nothing at all, shows by this path. */
export function isShown(node: TreeNode, view: TreeView): boolean {
  if (node.row === -1) return node.below !== -1;
  return !view.isOwn || node.rowLayer === view.layer;
}

/** The version that shows; of what was removed, the one that did. */
export function rowOf(node: TreeNode): number {
  return node.row === -1 ? node.below : node.row;
}

export function changeOf(tree: TreeReader, node: TreeNode, view: TreeView): FileEntry["change"] {
  if (node.row === -1) return "removed";
  if (node.below === -1) return "added";
  if (node.rowLayer !== view.layer) return "unchanged";
  const isDirectory = tree.kindOf(node.row) === kinds.directory && tree.kindOf(node.below) === kinds.directory;
  return isDirectory && tree.sumOf(node.row, "changed") === 0 ? "unchanged" : "modified";
}

/** Bytes of a file, or of all that is below a directory in this view. */
export function sizeOf(tree: TreeReader, node: TreeNode, view: TreeView): number {
  const row = rowOf(node);
  const kind = tree.kindOf(row);
  if (kind === kinds.directory) return tree.sumOf(row, isOwnSum(node, view) ? "ownSize" : "sumSize");
  return kind === kinds.file ? tree.sizeOf(row) : 0;
}

export function describeNode(tree: TreeReader, node: TreeNode, view: TreeView, path: BytePath): FileEntry {
  const row = rowOf(node);
  const facts = tree.factsOf(row);
  const isDirectory = facts.kind === kinds.directory;
  return {
    path: path === "" ? "/" : wireTextOf(path),
    type: types.get(facts.kind) ?? "file",
    size: sizeOf(tree, node, view),
    mode: facts.mode,
    uid: facts.uid,
    gid: facts.gid,
    modifiedAt: new Date(Math.max(-lastTime, Math.min(lastTime, facts.time))).toISOString(),
    linkTarget: wireTextOf(facts.target),
    change: changeOf(tree, node, view),
    layer: facts.layer,
    entries: isDirectory ? tree.sumOf(row, isOwnSum(node, view) ? "ownEntries" : "sumEntries") : 0,
  };
}

function isOwnSum(node: TreeNode, view: TreeView): boolean {
  return view.isOwn && node.row !== -1;
}
