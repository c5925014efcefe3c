import { closeSync, constants, openSync, readdirSync, readlinkSync } from "node:fs";
import { errnoOf } from "../../host/errno.ts";
import { attributeOf, found, statAt } from "../../host/file-calls.ts";
import { type BytePath, bytePathOf, pathOf } from "../../lib/byte-path.ts";
import type { BlockWriter } from "./block-file.ts";
import { type FileFacts, kinds, opaqueBit, writeRecord } from "./file-record.ts";

const openFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** As deep as a path of 4,095 bytes can be. A descriptor is held a level. */
const depthLimit = 2_048;
/** Names of files with several that are remembered, to tell further names from the first. */
const linkLimit = 200_000;
/** NAME_MAX of Linux. */
const nameLimit = 255;
const typeMask = 0o170000;

const kindOfType: ReadonlyMap<number, number> = new Map([
  [0o040000, kinds.directory],
  [0o120000, kinds.symlink],
  [0o020000, kinds.character],
  [0o060000, kinds.block],
  [0o010000, kinds.fifo],
  [0o140000, kinds.socket],
]);

export type ListingMeta = { readonly kind: "listing"; readonly entries: number };
export type WalkOptions = {
  readonly directory: string;
  /** Absolute paths: empty files and directories there are left out. */
  readonly mountPoints: readonly string[];
  readonly isCancelled: () => boolean;
};
export type Listing = { readonly entries: number };

/**
 * Writes down all there is in the directory of a layer, which may be in use by a hostile container: directories are opened without
 * following links, all else is looked at by name in an open directory, and what vanishes is left out. Synchronous: for workers.
 */
export function walkDirectory(out: BlockWriter, options: WalkOptions): Listing {
  const walk = new Walk(out, options);
  const fd = openSync(options.directory, openFlags);
  try {
    if (!statAt(fd, ".")) throw new Error(`${options.directory} is gone`);
    writeRecord(out, 0, "", walk.factsOf(fd, "", ""));
    walk.below(fd, "", 1);
  } finally {
    closeSync(fd);
  }
  out.finish({ kind: "listing", entries: walk.entries } satisfies ListingMeta);
  return { entries: walk.entries };
}

class Walk {
  readonly #out: BlockWriter;
  readonly #isCancelled: () => boolean;
  readonly #mountPoints: ReadonlySet<BytePath>;
  /** First name of each file that has several, by inode. */
  readonly #links = new Map<number, BytePath>();
  readonly #facts: FileFacts = { kind: 0, mode: 0, uid: 0, gid: 0, device: 0, size: 0, time: 0, target: "" };
  entries = 0;

  constructor(out: BlockWriter, { isCancelled, mountPoints }: WalkOptions) {
    this.#out = out;
    this.#isCancelled = isCancelled;
    this.#mountPoints = new Set(mountPoints.map(bytePathOf));
  }

  below(fd: number, path: BytePath, depth: number): void {
    if (this.#isCancelled()) throw new Error("cancelled");
    const here = `/proc/self/fd/${fd}`;
    for (const name of readdirSync(here, { encoding: "latin1" }).sort(byBytes)) {
      if (name.length > nameLimit) continue;
      if (!statAt(fd, name) || this.#isMountPoint(fd, `${path}/${name}`)) continue;
      this.entries++;
      if ((found.mode & typeMask) === 0o040000)
        this.#directory(`${here}/${name}`, { path: `${path}/${name}`, name, depth });
      else writeRecord(this.#out, depth, name, this.factsOf(fd, path, name));
    }
  }

  /** Facts of what `statAt` found last. The object is used again. */
  factsOf(fd: number, path: BytePath, name: BytePath): FileFacts {
    const facts = this.#facts;
    const type = found.mode & typeMask;
    facts.kind = kindOfType.get(type) ?? kinds.file;
    facts.mode = found.mode & 0o7777;
    facts.uid = found.uid;
    facts.gid = found.gid;
    facts.time = found.modified;
    facts.target = "";
    facts.device = 0;
    facts.size = 0;
    if (facts.kind === kinds.file) this.#fillFile(facts, path, name);
    else if (facts.kind === kinds.symlink) facts.target = linkTarget(`/proc/self/fd/${fd}/${name}`);
    else if (facts.kind === kinds.character || facts.kind === kinds.block) {
      facts.device = ((found.major << 20) | found.minor) >>> 0;
      if (facts.kind === kinds.character && facts.device === 0) facts.kind = kinds.whiteout;
    }
    return facts;
  }

  /** What `statAt` found last is an empty file, or a directory with nothing but such in it, where something is mounted. */
  #isMountPoint(fd: number, path: BytePath): boolean {
    if (this.#mountPoints.size === 0 || !this.#mountPoints.has(path)) return false;
    const type = found.mode & typeMask;
    if (type === 0o100000) return found.size === 0;
    if (type !== 0o040000) return false;
    const name = path.slice(path.lastIndexOf("/") + 1);
    const isEmpty = this.#hasOnlyMountPoints(`/proc/self/fd/${fd}/${name}`, path);
    // Others were looked at meanwhile.
    statAt(fd, name);
    return isEmpty;
  }

  #hasOnlyMountPoints(open: BytePath, path: BytePath): boolean {
    const fd = openIfDirectory(open);
    if (fd === null) return false;
    try {
      if (isOpaque(fd)) return false;
      const names = readdirSync(`/proc/self/fd/${fd}`, { encoding: "latin1" });
      return names.every((name) => statAt(fd, name) && this.#isMountPoint(fd, `${path}/${name}`));
    } finally {
      closeSync(fd);
    }
  }

  #fillFile(facts: FileFacts, path: BytePath, name: BytePath): void {
    facts.size = found.size;
    if (found.links < 2) return;
    const first = this.#links.get(found.inode);
    if (first === undefined) {
      if (this.#links.size < linkLimit) this.#links.set(found.inode, `${path}/${name}`);
      return;
    }
    facts.kind = kinds.hardlink;
    facts.target = first.length <= 4096 ? first : "";
    facts.size = 0;
  }

  #directory(
    open: BytePath,
    place: { readonly path: BytePath; readonly name: BytePath; readonly depth: number },
  ): void {
    const facts = { ...this.factsOf(-1, "", "") };
    const fd = openIfDirectory(open);
    if (fd === null) return;
    try {
      if (isOpaque(fd)) facts.kind |= opaqueBit;
      writeRecord(this.#out, place.depth, place.name, facts);
      if (place.depth < depthLimit) this.below(fd, place.path, place.depth + 1);
    } finally {
      closeSync(fd);
    }
  }
}

function isOpaque(fd: number): boolean {
  return attributeOf(fd, "trusted.overlay.opaque")?.toString() === "y";
}

function byBytes(a: BytePath, b: BytePath): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function linkTarget(path: BytePath): BytePath {
  try {
    return readlinkSync(pathOf(path), "latin1");
  } catch {
    // Gone or replaced meanwhile.
    return "";
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
