import { EngineError } from "../../errors.ts";
import { type BytePath, textOf } from "../../lib/byte-path.ts";
import { rowOf } from "./describe-node.ts";
import { kinds } from "./file-record.ts";
import type { TreeNode, TreeReader, TreeView } from "./tree-reader.ts";

const maximumHops = 40;
const maximumPath = 65_536;

export type Located = {
  readonly node: TreeNode;
  /** Where it really is; empty for the top directory. */
  readonly path: BytePath;
};

/**
 * Finds a path in a view. Symbolic links among its parents, and the last one if asked for, are followed as if the tree's top were `/`. Fails with
 * `not-found`.
 */
export function locate(tree: TreeReader, view: TreeView, path: BytePath, followLast: boolean): Located {
  const root: Located = { node: tree.root(view), path: "" };
  let trail: Located[] = [];
  const parts = partsOf(path.slice(0, maximumPath)).reverse();
  let hops = 0;
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    if (part === "..") {
      trail.pop();
      continue;
    }
    const child = getChild(tree, view, { parent: trail.at(-1) ?? root, name: part, wanted: path });
    const target = followLast || parts.length > 0 ? targetOf(tree, child.node) : null;
    if (target === null) {
      trail.push(child);
      continue;
    }
    if (++hops > maximumHops) throw tooManyLinks(path);
    if (target.startsWith("/")) trail = [];
    parts.push(...partsOf(target).reverse());
  }
  return trail.at(-1) ?? root;
}

type Step = { readonly parent: Located; readonly name: BytePath; readonly wanted: BytePath };

function getChild(tree: TreeReader, view: TreeView, { parent, name, wanted }: Step): Located {
  const node = findChild(tree, view, parent.node, name);
  if (node === null) throw new EngineError("not-found", `${textOf(wanted)} not found`);
  return { node, path: `${parent.path}/${name}` };
}

function tooManyLinks(path: BytePath): EngineError {
  return new EngineError("not-found", `${textOf(path)} goes through too many symbolic links`);
}

function findChild(tree: TreeReader, view: TreeView, parent: TreeNode, name: BytePath): TreeNode | null {
  let found: TreeNode | null = null;
  tree.children(parent, view, (child) => {
    const own = tree.nameOf(child);
    if (own === name && rowOf(child) !== -1) found = child;
    return own < name;
  });
  return found;
}

function targetOf(tree: TreeReader, node: TreeNode): BytePath | null {
  const facts = tree.factsOf(rowOf(node));
  return facts.kind === kinds.symlink ? facts.target : null;
}

function partsOf(path: BytePath): BytePath[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
