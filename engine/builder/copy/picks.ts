import { fileTypes } from "../../host/tree-calls.ts";
import type { CopyWish } from "./file-copier.ts";
import { hasWildcards, rootedPath } from "./go-path.ts";
import { PathPatterns } from "./path-patterns.ts";
import { notFound, type Pick, type SourceTree, textOfPath } from "./source-tree.ts";
import { type TreeVisitor, TreeWalk, type WalkFilters } from "./walk-tree.ts";

/** One thing to be copied: a directory stands for what is in it. */
export type PlannedPick = { readonly pick: Pick; readonly filters: WalkFilters };

type Source = { readonly path: string; readonly include: string | null };

/**
 * What the sources of a wish lead to, in order. A pick is valid until the next one is asked for. Fails with `not-found` for a source without
 * wildcards that is not there; with wildcards there may be nothing, as docker has it.
 */
export function* picksOf(tree: SourceTree, wish: CopyWish, check: () => void): Generator<PlannedPick> {
  const exclude = wish.excludes.length === 0 ? null : new PathPatterns(wish.excludes);
  for (const text of wish.sources) {
    const source = wish.parents ? splitPivot(text) : { path: text, include: null };
    const include = source.include === null ? null : new PathPatterns([source.include]);
    let hasFound = false;
    for (const pick of findAll(tree, source)) {
      const filters = { ignore: tree.ignore, ignoreState: tree.stateOf(pick.path), include, exclude };
      if (!isThere(pick, filters, check)) continue;
      hasFound ||= include === null || !isEmpty(pick, filters, check);
      yield { pick, filters };
    }
    if (!hasFound && !hasWildcards(text)) throw notFound(text);
    tree.release();
  }
}

/** `--parents`: what comes before `/./` is where the kept parents begin. */
function splitPivot(text: string): Source {
  const pivot = text.indexOf("/./");
  if (pivot === -1) return { path: "/", include: rootedPath(text) };
  return { path: text.slice(0, pivot), include: rootedPath(text.slice(pivot + 3)) };
}

function findAll(tree: SourceTree, { path }: Source): Iterable<Pick> {
  if (hasWildcards(path)) return tree.glob(path);
  const found = tree.find(path);
  return found === null ? [] : [found];
}

/** A directory that an ignore file names is there if something in it is. */
function isThere(pick: Pick, filters: WalkFilters, check: () => void): boolean {
  if (filters.ignore === null || pick.path === "" || !isDirectory(pick)) return true;
  if (!filters.ignore.matchWhole(textOfPath(pick.path)).isMatched) return true;
  return !isEmpty(pick, { ...filters, include: null, exclude: null }, check);
}

class Found extends Error {}

/** True where the filters leave nothing of a directory. */
function isEmpty(pick: Pick, filters: WalkFilters, check: () => void): boolean {
  if (!isDirectory(pick)) return false;
  const stop = (): never => {
    throw new Found();
  };
  const visitor: TreeVisitor = {
    enter: (node) => (node.path === "" ? undefined : stop()),
    leave: () => {},
    file: stop,
    special: stop,
  };
  try {
    new TreeWalk(filters, visitor, check).walk(pick);
    return true;
  } catch (error) {
    if (error instanceof Found) return false;
    throw error;
  }
}

function isDirectory({ status }: Pick): boolean {
  return (status.mode & fileTypes.mask) === fileTypes.directory;
}
