import { randomUUID } from "node:crypto";
import { closeSync, constants, lstatSync, opendirSync, openSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { errnoOf } from "../host/errno.ts";
import { type BytePath, pathOf } from "../lib/byte-path.ts";

const openFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** One descriptor is held a level: what lies deeper is moved up first. */
const depthLimit = 64;

/**
 * Removes a file or a directory with all below it; a success if it is gone. Made for trees that a stranger filled: any names, deeper than
 * any path, and changed meanwhile; symbolic links are never followed. `parking` is a directory on the same file system where parts may
 * be put for a moment. Synchronous: for workers.
 */
export function removeTree(path: BytePath, parking: BytePath): void {
  removeSome(path, parking, { left: Number.POSITIVE_INFINITY });
}

/** The same where the tree is small, without a worker. False: something is left, since it has more than `limit` entries, or large files. */
export function removeSmallTree(path: BytePath, parking: BytePath, limit: number): boolean {
  try {
    removeSome(path, parking, { left: limit });
    return true;
  } catch (error) {
    if (error instanceof TooLarge) return false;
    throw error;
  }
}

class TooLarge extends Error {}

/** How many entries may still be removed. */
type Budget = { left: number };

function removeSome(path: BytePath, parking: BytePath, budget: Budget): void {
  const parked = [path];
  for (let next = parked.pop(); next !== undefined; next = parked.pop()) {
    removeOne(next, 0, {
      budget,
      park: (deep) => {
        const place = `${parking}/.gone-${randomUUID()}`;
        renameSync(pathOf(deep), place);
        parked.push(place);
      },
    });
  }
}

/** Files that have more blocks of 512 bytes take longer to free than a thread that serves others may. */
const smallFile = 2048;

function spend(budget: Budget, child: BytePath): void {
  if (budget.left === Number.POSITIVE_INFINITY) return;
  budget.left -= 1;
  if (budget.left < 0 || lstatSync(pathOf(child)).blocks > smallFile) throw new TooLarge();
}

type Removal = { readonly budget: Budget; readonly park: (deep: BytePath) => void };

function removeOne(path: BytePath, depth: number, removal: Removal): void {
  if (depth > depthLimit) {
    removal.park(path);
    return;
  }
  for (let attempt = 0; ; attempt++) {
    try {
      if (emptyDirectory(path, depth, removal)) rmdirSync(pathOf(path));
      else unlinkSync(pathOf(path));
      return;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "ENOENT") return;
      // Somebody still writes into it, or put something else in its place.
      const isChanging = errno === "ENOTEMPTY" || errno === "ENOTDIR" || errno === "EISDIR" || errno === "EEXIST";
      if (!isChanging || attempt === 20) throw error;
    }
  }
}

/** False: it is no directory. */
function emptyDirectory(path: BytePath, depth: number, removal: Removal): boolean {
  let fd: number;
  try {
    fd = openSync(pathOf(path), openFlags);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOTDIR" || errno === "ELOOP") return false;
    throw error;
  }
  try {
    const here = `/proc/self/fd/${fd}`;
    using directory = opendirSync(here, { encoding: "latin1", bufferSize: 256 });
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      const child = `${here}/${entry.name}`;
      spend(removal.budget, child);
      if (entry.isDirectory()) removeOne(child, depth + 1, removal);
      else unlinkSync(pathOf(child));
    }
    return true;
  } finally {
    closeSync(fd);
  }
}
