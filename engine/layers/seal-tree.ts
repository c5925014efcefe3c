import { lstatSync, readdirSync, rmdirSync, type Stats, unlinkSync } from "node:fs";
import { EngineError } from "../errors.ts";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf } from "../lib/byte-path.ts";
import { parentsOf } from "./change-filter.ts";
import { hashTree } from "./hash-tree.ts";
import { findBelow } from "./implicit-directories.ts";
import type { SealTask, UnpackedTar } from "./layer-tasks.ts";
import { isLayerAttribute, isOpaque, isOpaqueMark, isOverlayAttribute, isWhiteout } from "./overlay-marks.ts";
import { removeTree } from "./remove-tree.ts";

const whiteoutPrefix = ".wh.";
const billion = 1_000_000_000n;

/**
 * Makes of the upper directory of an overlay, into which nobody writes any more, the files of a read-only layer, and says what it is: the digest
 * is that of the tar which packing it gives. What no tar of a layer can hold goes. It can be done again at any time. Synchronous: for workers.
 */
export function sealTree(task: SealTask, isCancelled: () => boolean): UnpackedTar {
  for (const path of task.mountPoints.toSorted((one, other) => other.length - one.length)) {
    removeMountPoint(task, path);
  }
  const hashed = hashTree(task.directory, isCancelled, (path, stat) => {
    if (isCancelled()) throw new EngineError("cancelled", "cancelled");
    return clean(path, stat, task.latest);
  });
  return { ...hashed, implicit: [], hasRoot: false };
}

/** Also its parents that are in the layer for it alone: they are as below. */
function removeMountPoint(task: SealTask, path: BytePath): void {
  const { directory } = task;
  const parents = parentsOf(path);
  if (!parents.every((parent) => lstat(`${directory}/${parent}`)?.isDirectory())) return;
  if (!removeEmpty(task, path)) return;
  for (const parent of parents.reverse()) if (!isAsBelow(task, parent) || !removeEmpty(task, parent)) return;
}

/** False: it is not there, or it says something. */
function removeEmpty({ directory, below }: SealTask, path: BytePath): boolean {
  const place = `${directory}/${path}`;
  const stat = lstat(place);
  if (stat === null) return false;
  const parent = place.slice(0, place.lastIndexOf("/"));
  const before = timeOf(parent);
  if (stat.isFile() && stat.size === 0) unlinkSync(pathOf(place));
  else if (stat.isDirectory() && isPlainEmpty(place, below, path)) rmdirSync(pathOf(place));
  else return false;
  syscalls.setModificationTime(parent, before);
  return true;
}

/** The kernel marks a new directory as opaque, which means nothing where there is none below. */
function isPlainEmpty(place: BytePath, below: readonly BytePath[], path: BytePath): boolean {
  if (readdirSync(pathOf(place)).length > 0) return false;
  return !isOpaque(place) || findBelow(below, path) === null;
}

function isAsBelow({ directory, below }: SealTask, path: BytePath): boolean {
  const own = lstat(`${directory}/${path}`);
  const other = findBelow(below, path);
  if (own === null || other === null) return false;
  const isSame = own.mode === other.stat.mode && own.uid === other.stat.uid && own.gid === other.stat.gid;
  return isSame && attributesOf(`${directory}/${path}`) === attributesOf(other.path);
}

function attributesOf(path: BytePath): string {
  const names = syscalls.llistxattr(path).filter(isLayerAttribute).sort();
  return JSON.stringify(names.map((name) => [name, syscalls.lgetxattr(path, name)?.toString("latin1")]));
}

/** Leaves of a file what a tar of it holds. Null where that is nothing. */
function clean(path: BytePath, stat: Stats, latest: number | null): Stats | null {
  const slash = path.lastIndexOf("/");
  // What no tar holds, and what would be read as a mark.
  if (stat.isSocket() || path.startsWith(whiteoutPrefix, slash + 1)) {
    const parent = `${path.slice(0, slash)}/.`;
    const before = timeOf(parent);
    removeTree(path, parent);
    syscalls.setModificationTime(parent, before);
    return null;
  }
  for (const name of isWhiteout(stat) ? [] : syscalls.llistxattr(path)) {
    if (isOverlayAttribute(name) && !(isOpaqueMark(name) && isOpaque(path))) syscalls.lremovexattr(path, name);
  }
  if (latest === null || stat.mtimeMs <= latest * 1000) return stat;
  syscalls.setModificationTime(path, { seconds: latest, nanoseconds: 0 });
  return lstat(path);
}

function timeOf(path: BytePath): { seconds: number; nanoseconds: number } {
  const { mtimeNs } = lstatSync(pathOf(path), { bigint: true });
  const nanoseconds = ((mtimeNs % billion) + billion) % billion;
  return { seconds: Number((mtimeNs - nanoseconds) / billion), nanoseconds: Number(nanoseconds) };
}

function lstat(path: BytePath): Stats | null {
  return lstatSync(pathOf(path), { throwIfNoEntry: false }) ?? null;
}
