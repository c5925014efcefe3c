import { dirname } from "node:path";
import { fileTypes } from "../../host/tree-calls.ts";
import type { DigestTask, FilesWatch } from "./copy-tasks.ts";
import { StampHash, TreeDigest } from "./digest-tree.ts";
import type { CopyDigest, CopyWish, LooseFile } from "./file-copier.ts";
import { keptFacts } from "./kept-facts.ts";
import { PathPatterns } from "./path-patterns.ts";
import { type PlannedPick, picksOf } from "./picks.ts";
import { notFound, type Pick, SourceTree } from "./source-tree.ts";
import { isCopied, TreeWalk } from "./walk-tree.ts";

/** Does a digest task. Synchronous: for workers. */
export function digestFiles({ tree, wish }: DigestTask, watch: FilesWatch): CopyDigest {
  const digest = new TreeDigest(keptFacts(tree, wish), new StampHash(), watch.onFile);
  if (tree !== null) {
    using source = new SourceTree(tree.directory, tree.ignore);
    for (const planned of picksOf(source, wish, watch.check)) digestPick(digest, planned, watch);
  }
  for (const file of wish.files) {
    digest.loose(file);
    const loose = openLoose(file, wish);
    if (loose === null) continue;
    using _ = loose.tree;
    digestPick(digest, loose, watch);
  }
  return digest.finish();
}

function digestPick(digest: TreeDigest, { pick, filters }: PlannedPick, watch: FilesWatch): void {
  watch.check();
  digest.begin(pick);
  if (isDirectory(pick)) new TreeWalk(filters, digest, watch.check).walk(pick);
  else if (isCopied(pick.status)) digest.single(pick);
}

/** A loose file that lies on the disk, as if it were picked from a tree; null for one whose text is here. */
export function openLoose(file: LooseFile, wish: CopyWish): (PlannedPick & { readonly tree: SourceTree }) | null {
  if (!("path" in file.content)) return null;
  const { path } = file.content;
  const tree = new SourceTree(file.isDirectory === true ? path : dirname(path), null);
  const pick = tree.find(file.isDirectory === true ? "/" : path.slice(path.lastIndexOf("/")));
  if (pick === null) {
    tree[Symbol.dispose]();
    throw notFound(file.name);
  }
  const exclude = wish.excludes.length === 0 ? null : new PathPatterns(wish.excludes);
  return { tree, pick, filters: { ignore: null, ignoreState: null, include: null, exclude } };
}

export function isDirectory({ status }: Pick): boolean {
  return (status.mode & fileTypes.mask) === fileTypes.directory;
}
