import { constants, lstatSync, openSync, readdirSync } from "node:fs";
import { errnoOf } from "../host/errno.ts";
import { type BytePath, pathOf } from "../lib/byte-path.ts";
import { isOpaque, isWhiteout } from "./overlay-marks.ts";

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * A file or directory to be packed. Several directories, topmost first, are seen as one, as overlayfs shows them. A path ends with a name
 * that is never followed, or is `/proc/self/fd/<n>` of a descriptor (`isPinned`).
 */
export type PackNode = {
  readonly paths: readonly BytePath[];
  readonly isPinned?: boolean;
  /** Found in directories that are seen as one. */
  readonly isMerged?: boolean;
  /** One of these says that there is something else, or nothing, below it. */
  readonly isCutOff?: boolean;
};

/** The directories of a node, opened, as far as overlayfs would look through. */
export function openDirectories(node: PackNode): number[] {
  const open: number[] = [];
  for (const path of node.paths) {
    // A pinned descriptor is a magic link, which has to be followed.
    const fd = openIfThere(path, node.isPinned ? directoryFlags & ~constants.O_NOFOLLOW : directoryFlags);
    if (fd === null) break;
    open.push(fd);
    if (node.paths.length > 1 && isOpaque(`/proc/self/fd/${fd}/.`)) break;
  }
  return open;
}

/** Whether nothing shows through a node's directories, as far as they are open, from what is below them. */
export function hidesBelow(node: PackNode, open: readonly number[]): boolean {
  const last = open.at(-1);
  return node.isCutOff === true || (last !== undefined && isOpaque(`/proc/self/fd/${last}/.`));
}

export type ChildrenOptions = {
  /** Names of what is mounted into the directory. */
  readonly mounted?: readonly BytePath[];
  /** Whiteouts are children like others. */
  readonly hasMarks?: boolean;
};

type Child = { readonly paths: BytePath[]; readonly isMerged: boolean; isCutOff: boolean };

/** Names in byte order with what they are, topmost first. */
export function childrenOf(
  open: readonly number[],
  { mounted = [], hasMarks = false }: ChildrenOptions = {},
): Iterable<[BytePath, PackNode]> {
  const isMerged = open.length > 1;
  const newChild = (): Child => ({ paths: [], isMerged, isCutOff: false });
  const children = new Map<BytePath, Child>(mounted.map((name) => [name, newChild()]));
  const hidden = new Set<BytePath>();
  for (const fd of open) {
    const here = `/proc/self/fd/${fd}`;
    for (const name of readdirSync(here, { encoding: "latin1" })) {
      const path = `${here}/${name}`;
      const child = children.get(name);
      if (!isMerged || shows(path, child?.paths, hidden.has(name))) {
        children
          .set(name, child ?? newChild())
          .get(name)
          ?.paths.push(path);
        continue;
      }
      if (child !== undefined) child.isCutOff = true;
      else if (hasMarks && !hidden.has(name)) children.set(name, { ...newChild(), paths: [path] });
      hidden.add(name);
    }
  }
  const inOrder = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);
  return [...children].sort(inOrder);
}

/** Whether a name of a lower directory is seen through those above it. */
function shows(path: BytePath, above: readonly BytePath[] | undefined, isHidden: boolean): boolean {
  if (isHidden) return false;
  const stat = lstatSync(pathOf(path), { throwIfNoEntry: false });
  if (stat === undefined || isWhiteout(stat)) return false;
  const [top] = above ?? [];
  return top === undefined || (stat.isDirectory() && lstatSync(pathOf(top)).isDirectory());
}

/** Null for what is not there, or is no directory. */
export function openIfThere(path: BytePath, flags: number): number | null {
  try {
    return openSync(pathOf(path), flags);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR" || errno === "ELOOP") return null;
    throw error;
  }
}
