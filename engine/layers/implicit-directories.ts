import { chmodSync, lchownSync, lstatSync, type Stats } from "node:fs";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf } from "../lib/byte-path.ts";
import type { SettleTask } from "./layer-tasks.ts";
import { isLayerAttribute, isOpaque, isWhiteout } from "./overlay-marks.ts";

/**
 * Gives directories, which a layer holds only because something lies in them, the owner, mode and attributes that the same
 * directories have in the layers below (topmost first). Can be done again at any time. Synchronous: for workers.
 */
export function settleDirectories({ layer, below, implicit }: SettleTask): void {
  for (const path of implicit) {
    // Sorted out by the extractor already; a record on the disk is not trusted to be what it was.
    if (!isPlainDirectory(layer, path)) continue;
    const source = findBelow(below, path);
    if (source !== null) copyAttributes(source.path, source.stat, `${layer}/${path}`);
  }
}

/** The directory that shows through by this path from layers (topmost first) that nobody changes, or null. */
export function findBelow(below: readonly BytePath[], path: BytePath): { path: BytePath; stat: Stats } | null {
  for (const layer of below) {
    const found = findIn(layer, path.split("/"));
    if (found === "hidden") return null;
    if (found !== "absent") return found;
  }
  return null;
}

/** Whether anything is seen by this path in layers (topmost first) that nobody changes. */
export function showsBelow(below: readonly BytePath[], path: BytePath): boolean {
  const slash = path.lastIndexOf("/");
  const parent = path.slice(0, Math.max(0, slash));
  for (const layer of below) {
    if (parent !== "") {
      const found = findIn(layer, parent.split("/"));
      if (found === "hidden") return false;
      if (found === "absent") continue;
    }
    const stat = lstat(`${layer}/${path}`);
    if (stat !== null) return !isWhiteout(stat);
    if (parent !== "" && isOpaque(`${layer}/${parent}`)) return false;
  }
  return false;
}

/** `hidden`: this layer says that there is no such directory, whatever lies below. */
function findIn(layer: BytePath, parts: readonly BytePath[]): { path: BytePath; stat: Stats } | "hidden" | "absent" {
  let path = layer;
  let missing: "hidden" | "absent" = "absent";
  let stat: Stats | null = null;
  for (const part of parts) {
    if (stat !== null && isOpaque(path)) missing = "hidden";
    path = `${path}/${part}`;
    stat = lstat(path);
    if (stat === null) return missing;
    if (!stat.isDirectory()) return "hidden";
  }
  return stat === null ? missing : { path, stat };
}

function copyAttributes(source: BytePath, stat: Stats, target: BytePath): void {
  lchownSync(pathOf(target), stat.uid, stat.gid);
  chmodSync(pathOf(target), stat.mode & 0o7777);
  for (const name of syscalls.llistxattr(source)) {
    const value = isLayerAttribute(name) ? syscalls.lgetxattr(source, name) : null;
    if (value !== null) syscalls.lsetxattr(target, name, value);
  }
}

function isPlainDirectory(root: BytePath, path: BytePath): boolean {
  let current = root;
  return path.split("/").every((part) => {
    current = `${current}/${part}`;
    return part !== ".." && lstat(current)?.isDirectory() === true;
  });
}

function lstat(path: BytePath): Stats | null {
  return lstatSync(pathOf(path), { throwIfNoEntry: false }) ?? null;
}
