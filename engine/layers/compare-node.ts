import { constants, openSync, readlinkSync, readSync, type Stats } from "node:fs";
import { errnoOf } from "../host/errno.ts";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf } from "../lib/byte-path.ts";
import { isLayerAttribute } from "./overlay-marks.ts";

/** What a file should be. Null: not to be looked at. */
export type NodeFacts = {
  readonly type: string;
  readonly mode: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
  /** Of a file, in bytes. */
  readonly size: number | null;
  /** Of a symbolic link. */
  readonly target: BytePath | null;
  /** Of a device, as stat(2) has it. */
  readonly device: number | null;
};

export function typeOf(stat: Stats): string {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isCharacterDevice()) return "character";
  if (stat.isBlockDevice()) return "block";
  return stat.isFIFO() ? "fifo" : "socket";
}

/** What is wrong with what lies at a path, or null. */
export function findDifference(facts: NodeFacts, path: BytePath, stat: Stats): string | null {
  const type = typeOf(stat);
  if (type !== facts.type) return `is a ${type}, not a ${facts.type}`;
  if (facts.size !== null && stat.size !== facts.size) return `has ${stat.size} bytes instead of ${facts.size}`;
  const mode = stat.mode & 0o7777;
  if (facts.mode !== null && type !== "symlink" && mode !== facts.mode) {
    return `has the mode ${mode.toString(8)} instead of ${facts.mode.toString(8)}`;
  }
  if ((facts.uid !== null && stat.uid !== facts.uid) || (facts.gid !== null && stat.gid !== facts.gid)) {
    return `belongs to ${stat.uid}:${stat.gid} instead of ${facts.uid}:${facts.gid}`;
  }
  if (facts.device !== null && stat.rdev !== facts.device) return "is another device";
  if (facts.target !== null && readlinkSync(pathOf(path), "latin1") !== facts.target) return "leads elsewhere";
  return null;
}

/** Null where all of these attributes are there; those that a file system cannot keep do not count. */
export function findAttributeDifference(
  path: BytePath,
  attributes: Iterable<readonly [name: BytePath, value: Buffer]>,
): string | null {
  for (const [name, value] of attributes) {
    if (isLayerAttribute(name) && syscalls.lgetxattr(path, name)?.equals(value) !== true) {
      return `lacks the attribute ${name}`;
    }
  }
  return null;
}

const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function openFile(path: BytePath): number {
  return openSync(pathOf(path), readFlags);
}

/** Reads as many bytes as there are, at most as many as the buffer takes. */
export function readFully(fd: number, buffer: Buffer, position: number): Buffer {
  let size = 0;
  while (size < buffer.length) {
    const read = readSync(fd, buffer, size, buffer.length - size, position + size);
    if (read === 0) break;
    size += read;
  }
  return buffer.subarray(0, size);
}

/** Runs a look at a file; what the disk does not give back is a difference as well. */
export function orUnreadable(look: () => string | null): string | null {
  try {
    return look();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    return errno === "ENOENT" ? "is missing" : `cannot be read: ${errno}`;
  }
}
