import { randomUUID } from "node:crypto";
import { closeSync, constants, opendirSync, openSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
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
  const parked = [path];
  for (let next = parked.pop(); next !== undefined; next = parked.pop()) {
    removeOne(next, 0, (deep) => {
      const place = `${parking}/.gone-${randomUUID()}`;
      renameSync(pathOf(deep), place);
      parked.push(place);
    });
  }
}

function removeOne(path: BytePath, depth: number, park: (deep: BytePath) => void): void {
  if (depth > depthLimit) {
    park(path);
    return;
  }
  for (let attempt = 0; ; attempt++) {
    try {
      if (emptyDirectory(path, depth, park)) rmdirSync(pathOf(path));
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
function emptyDirectory(path: BytePath, depth: number, park: (deep: BytePath) => void): boolean {
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
      if (entry.isDirectory()) removeOne(child, depth + 1, park);
      else unlinkSync(pathOf(child));
    }
    return true;
  } finally {
    closeSync(fd);
  }
}
