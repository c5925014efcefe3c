import { closeSync, constants, lstatSync, openSync, readdirSync, type Stats } from "node:fs";
import { errnoOf } from "../host/errno.ts";
import { type BytePath, pathOf } from "../lib/byte-path.ts";
import type { FileChange } from "../protocol/containers.ts";
import { ChangeFilter, type Visit } from "./change-filter.ts";
import type { ChangesPage, WritableUsage } from "./layer-store.ts";
import { joined } from "./layer-tree.ts";
import { isOpaque, isWhiteout } from "./overlay-marks.ts";

const openFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** A descriptor is held a level; nobody wants to read paths deeper than this. */
const depthLimit = 200;
const usageLimit = 1_000_000;

export type ScanOptions = {
  readonly limit: number;
  /** Where the page before ended: its `next`. */
  readonly after?: BytePath | null;
  /** See ChangeFilter. */
  readonly mountPoints?: readonly BytePath[];
};

/**
 * A page of what a writable layer changed, sorted by path, at most `limit`. The layer may be in use by a hostile container: directories are
 * opened without following links, and what vanishes is left out. `lower` topmost first. Synchronous: for workers.
 */
export function scanChanges(upper: BytePath, lower: readonly BytePath[], options: ScanOptions): ChangesPage {
  const { limit, after = null, mountPoints = [] } = options;
  const changes: FileChange[] = [];
  let last: BytePath | null = null;
  let isFull = false;
  const filter = new ChangeFilter(mountPoints, (path, kind, stat) => {
    isFull = changes.length >= limit;
    if (isFull) return false;
    last = path;
    changes.push({ path: `/${textOf(path)}`, kind, size: kind === "deleted" ? 0 : sizeOf(stat), type: typeOf(stat) });
    return true;
  });
  const isWhole = walk({ upper, lower, after }, filter.visit) && filter.finish();
  changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return { changes, truncated: !isWhole, next: isFull ? last : null };
}

/** Counts of the same, and bytes on the disk, hard links counted once. */
export function scanUsage(
  upper: BytePath,
  lower: readonly BytePath[],
  mountPoints: readonly BytePath[] = [],
): WritableUsage {
  const counts = { added: 0, changed: 0, deleted: 0 };
  const linked = new Set<number>();
  let size = 0;
  let seen = 0;
  const filter = new ChangeFilter(mountPoints, (_, kind, stat) => {
    if (++seen > usageLimit) return false;
    counts[kind]++;
    if (kind === "deleted" || !stat.isFile()) return true;
    if (stat.nlink > 1 && linked.has(stat.ino)) return true;
    if (stat.nlink > 1) linked.add(stat.ino);
    size += Math.min(stat.size, stat.blocks * 512);
    return true;
  });
  const isWhole = walk({ upper, lower, after: null }, filter.visit) && filter.finish();
  return { size, ...counts, truncated: !isWhole };
}

/** False: not all was seen. */
function walk({ upper, lower, after }: WalkStart, visit: Visit): boolean {
  return walkDirectory({ open: upper, path: "", lower, depth: 0, after: after?.split("/") ?? [] }, visit);
}

type WalkStart = { readonly upper: BytePath; readonly lower: readonly BytePath[]; readonly after: BytePath | null };

type Place = {
  readonly open: BytePath;
  /** Relative to the root of the file system. */
  readonly path: BytePath;
  /** The same directory in the layers below, as far as it shows through. */
  readonly lower: readonly BytePath[];
  readonly depth: number;
  /** Names from here to where a walk before ended: what comes up to there is left out. */
  readonly after: readonly BytePath[];
};

function walkDirectory(place: Place, visit: Visit): boolean {
  if (place.depth > depthLimit) return false;
  const fd = openIfDirectory(place.open);
  if (fd === null) return true;
  try {
    const here = `/proc/self/fd/${fd}`;
    const names = readdirSync(here, { encoding: "latin1" });
    const isFresh = place.lower.length > 0 && place.path !== "" && isOpaque(`${here}/.`);
    if (isFresh) names.push(...hiddenNames(place, new Set(names)));
    names.sort();
    const [first] = place.after;
    let isWhole = true;
    for (const name of names) {
      if (first !== undefined && name < first) continue;
      const seen = visitChild({ place, here, name, isFresh }, visit);
      if (seen === "stop") return false;
      if (seen === "partial") isWhole = false;
    }
    return isWhole;
  } finally {
    closeSync(fd);
  }
}

type Child = { readonly place: Place; readonly here: BytePath; readonly name: BytePath; readonly isFresh: boolean };

function visitChild({ place, here, name, isFresh }: Child, visit: Visit): "whole" | "partial" | "stop" {
  const path = joined(place.path, name);
  const own = lstat(`${here}/${name}`);
  const below = lookUp(place.lower, name);
  const wasTold = place.after[0] === name;
  const tell: Visit = wasTold ? () => true : visit;
  if (own === null || isWhiteout(own)) {
    // Without a whiteout: hidden by an opaque directory, or vanished just now.
    if (below.stat === null || (own === null && !isFresh)) return "whole";
    return tell(path, "deleted", below.stat) ? "whole" : "stop";
  }
  if (!tell(path, below.stat === null ? "added" : "changed", own)) return "stop";
  if (!own.isDirectory()) return "whole";
  const next = {
    open: `${here}/${name}`,
    path,
    lower: below.directories,
    depth: place.depth + 1,
    after: wasTold ? place.after.slice(1) : [],
  };
  return walkDirectory(next, visit) ? "whole" : "partial";
}

/** Names which a directory of the upper layer that hides those below makes disappear. */
function hiddenNames(place: Place, present: ReadonlySet<BytePath>): BytePath[] {
  const names = new Set<BytePath>();
  for (const directory of place.lower) {
    for (const name of readdirSync(pathOf(directory), { encoding: "latin1" })) if (!present.has(name)) names.add(name);
  }
  return [...names];
}

/** What a name is in the layers below, and, for a directory, in which of them. */
function lookUp(lower: readonly BytePath[], name: BytePath): { stat: Stats | null; directories: BytePath[] } {
  const directories: BytePath[] = [];
  let stat: Stats | null = null;
  for (const directory of lower) {
    const path = `${directory}/${name}`;
    const found = lstat(path);
    if (found === null) continue;
    if (isWhiteout(found) || (stat !== null && !found.isDirectory())) break;
    stat ??= found;
    if (!found.isDirectory()) break;
    directories.push(path);
    if (isOpaque(path)) break;
  }
  return { stat, directories };
}

function lstat(path: BytePath): Stats | null {
  try {
    return lstatSync(pathOf(path), { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOTDIR" || errno === "ENAMETOOLONG") return null;
    throw error;
  }
}

function openIfDirectory(path: BytePath): number | null {
  try {
    return openSync(pathOf(path), openFlags);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR" || errno === "ELOOP") return null;
    throw error;
  }
}

function textOf(path: BytePath): string {
  return Buffer.from(path, "latin1").toString("utf8");
}

function sizeOf(stat: Stats): number {
  return stat.isFile() ? stat.size : 0;
}

function typeOf(stat: Stats): FileChange["type"] {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  return stat.isSymbolicLink() ? "symlink" : "other";
}
