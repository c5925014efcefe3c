import type { Stats } from "node:fs";
import { closeSync, constants, fstatSync, lstatSync, readlinkSync, readSync } from "node:fs";
import { EngineError } from "../errors.ts";
import { errnoOf } from "../host/errno.ts";
import type { IDRange } from "../host/id-ranges.ts";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf, textOf } from "../lib/byte-path.ts";
import { parentsOf } from "./change-filter.ts";
import { findBelow, showsBelow } from "./implicit-directories.ts";
import { childrenOf, hidesBelow, openDirectories, openIfThere, type PackNode } from "./merged-directories.ts";
import { isLayerAttribute, isWhiteout } from "./overlay-marks.ts";
import { ownerInside } from "./shifted-ids.ts";
import type { TarEntryType } from "./tar-entry.ts";
import type { TarMember } from "./tar-header.ts";
import type { TarWriter } from "./tar-writer.ts";

const openPath = 0o10000000;
const closeOnExec = 0o2000000;
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW;
/** A descriptor is held a level. */
const depthLimit = 1000;
const whiteoutPrefix = ".wh.";
const opaqueMarker = ".wh..wh..opq";

export type PackOptions = {
  /** Path of the top in the archive: nothing for a directory whose children stand at the archive's own top. */
  readonly path: BytePath;
  /**
   * Set where the directory is the upper one of an overlay: its whiteouts and opaque directories are written as a layer's. Left out are
   * empty files and directories by the paths in `mountPoints`, and parents which differ from those in `below` (topmost first) in nothing else.
   * Several directories become one layer that does to those below what all of them do.
   */
  readonly layer?: { readonly below: readonly BytePath[]; readonly mountPoints: readonly BytePath[] };
  /** What is mounted where: asked for each path relative to the top's own file system. */
  readonly mountAt?: (path: BytePath) => PackNode | null;
  /** Names of what is mounted into a directory: seen also where the directory lacks them. */
  readonly mountsIn?: (path: BytePath) => readonly BytePath[];
  /** Path of the top for `mountAt`. */
  readonly mountPath?: BytePath;
  /** Ids of the host that are a container's own: the archive has the container's. */
  readonly ids?: IDRange | null | undefined;
  /** The tree is nobody else's. Makes of each file, before it is packed, what it is to be; null where it takes it away. */
  readonly settle?: (path: BytePath, stat: Stats) => Stats | null;
};

type Spot = PackNode & {
  /** In the archive. */
  readonly path: BytePath;
  readonly mountPath: BytePath;
  readonly depth: number;
};

/**
 * Writes a file or a directory with all below it into an archive, names in byte order. The tree may be in use by a hostile container:
 * directories are opened without following links and read through their descriptor, what vanishes is left out, and nothing but a
 * regular file is ever opened for reading. Sockets are left out. Synchronous: for workers.
 */
export function packTree(writer: TarWriter, top: PackNode, options: PackOptions): void {
  new TreePacker(writer, options).pack(top);
}

/** The same of what lies in directories that are seen as one (topmost first), by a path in which no link is followed. `not-found`. */
export function packInside(
  writer: TarWriter,
  directories: readonly BytePath[],
  options: PackOptions & { readonly inside: BytePath },
): void {
  const open: number[] = [];
  try {
    let node: PackNode = { paths: directories };
    for (const name of options.inside.split("/").filter((part) => part !== "")) {
      const level = openDirectories(node);
      open.push(...level);
      const found: PackNode | undefined = name === ".." ? undefined : new Map(childrenOf(level)).get(name);
      if (found === undefined) throw new EngineError("not-found", `there is no file /${textOf(options.inside)}`);
      node = found;
    }
    packTree(writer, node, options);
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

class TreePacker {
  readonly #writer: TarWriter;
  readonly #options: PackOptions;
  readonly #mountPoints: ReadonlySet<BytePath>;
  readonly #parents: ReadonlySet<BytePath>;
  /** Path of each file with several names that is in the archive already. */
  readonly #links = new Map<string, BytePath>();
  /** Headers of directories that are written only if something in them is. */
  readonly #pending: TarMember[] = [];

  constructor(writer: TarWriter, options: PackOptions) {
    this.#writer = writer;
    this.#options = options;
    const mountPoints = options.layer?.mountPoints ?? [];
    this.#mountPoints = new Set(mountPoints);
    this.#parents = new Set(mountPoints.flatMap(parentsOf));
  }

  pack(top: PackNode): void {
    this.#visit({ ...top, path: this.#options.path, mountPath: this.#options.mountPath ?? "", depth: 0 });
  }

  #visit(spot: Spot): void {
    const { settle } = this.#options;
    const seen = statOf(spot);
    const stat = seen === null || settle === undefined ? seen : settle(spot.paths[0] ?? "", seen);
    if (stat === null || stat.isSocket()) return;
    if (stat.isDirectory()) this.#packDirectory(spot);
    else if (stat.isFile()) this.#packFile(spot);
    else if (isWhiteout(stat)) this.#packWhiteout(spot, stat);
    else this.#packNode(spot, stat);
  }

  #packDirectory(spot: Spot): void {
    if (spot.depth > depthLimit) throw tooDeep(spot.path);
    const open = openDirectories(spot);
    try {
      const [own] = open;
      if (own === undefined) return;
      const here = `/proc/self/fd/${own}`;
      const before = this.#pending.length;
      if (spot.path !== "") this.#describeDirectory(spot, fstatSync(own), here);
      if (this.#options.layer !== undefined && spot.path !== "" && hidesBelow(spot, open)) {
        this.#emit({ ...plain("file", `${spot.path}/${opaqueMarker}`, fstatSync(own)), mode: 0o600 });
      }
      const mounted = this.#options.mountsIn?.(spot.mountPath) ?? [];
      const hasMarks = this.#options.layer !== undefined;
      for (const [name, node] of childrenOf(open, { mounted, hasMarks })) this.#visitChild(spot, name, node);
      this.#pending.length = Math.min(this.#pending.length, before);
    } finally {
      for (const fd of open) closeSync(fd);
    }
  }

  #visitChild(parent: Spot, name: BytePath, found: PackNode): void {
    // Such a file would be read as a mark.
    const { layer, settle } = this.#options;
    if (layer !== undefined && settle === undefined && name.startsWith(whiteoutPrefix)) return;
    const mountPath = joined(parent.mountPath, name);
    const node = this.#options.mountAt?.(mountPath) ?? found;
    this.#visit({ ...node, path: joined(parent.path, name), mountPath, depth: parent.depth + 1 });
  }

  #describeDirectory(spot: Spot, stat: Stats, here: BytePath): void {
    const member = { ...plain("directory", spot.path, stat), xattrs: attributesOf(`${here}/.`) };
    const isLazy =
      this.#mountPoints.has(spot.path) || (this.#parents.has(spot.path) && this.#isAsBelow(spot.path, stat));
    if (isLazy) this.#pending.push(member);
    else this.#emit(member);
  }

  #isAsBelow(path: BytePath, stat: Stats): boolean {
    const below = findBelow(this.#options.layer?.below ?? [], path)?.stat;
    return below?.mode === stat.mode && below.uid === stat.uid && below.gid === stat.gid;
  }

  #packFile(spot: Spot): void {
    const [path = ""] = spot.paths;
    const isQuiet = this.#options.settle !== undefined;
    const fd = isQuiet ? openIfThere(path, readFlags) : openFile(path, spot.isPinned === true);
    if (fd === null) return;
    try {
      const stat = fstatSync(fd);
      if (stat.size === 0 && this.#mountPoints.has(spot.path)) return;
      if (this.#packLink(spot, stat)) return;
      const member = plain("file", spot.path, stat);
      this.#emit({ ...member, size: stat.size, xattrs: spot.isPinned ? [] : attributesOf(path) });
      this.#writer.body(stat.size, (space, position) => readSync(fd, space, 0, space.length, position));
    } finally {
      closeSync(fd);
    }
  }

  /** False: the file is not in the archive yet. */
  #packLink(spot: Spot, stat: Stats): boolean {
    if (stat.nlink < 2) return false;
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.#links.get(key);
    if (first === undefined) {
      this.#links.set(key, spot.path);
      return false;
    }
    this.#emit({ ...plain("link", spot.path, stat), linkPath: first });
    return true;
  }

  #packWhiteout(spot: Spot, stat: Stats): void {
    const { layer } = this.#options;
    if (layer === undefined || (spot.isMerged && !showsBelow(layer.below, spot.path))) return;
    const slash = spot.path.lastIndexOf("/") + 1;
    const path = `${spot.path.slice(0, slash)}${whiteoutPrefix}${spot.path.slice(slash)}`;
    // What is unpacked of it has another time: of the same layer the same tar is to be made again.
    this.#emit({ ...plain("file", path, stat), mode: 0o600, uid: 0, gid: 0, seconds: 0 });
  }

  #packNode(spot: Spot, stat: Stats): void {
    const [path = ""] = spot.paths;
    const type = typeOf(stat);
    if (type === null || this.#packLink(spot, stat)) return;
    const member = plain(type, spot.path, stat);
    const linkPath = type === "symlink" ? readLink(path) : "";
    if (linkPath === null) return;
    const isDevice = type === "character" || type === "block";
    this.#emit({
      ...member,
      linkPath,
      ...(isDevice ? deviceOf(stat.rdev) : {}),
      xattrs: spot.isPinned ? [] : attributesOf(path),
    });
  }

  #emit(member: TarMember): void {
    const { ids } = this.#options;
    for (const parent of this.#pending.splice(0)) this.#writer.begin(ownerInside(parent, ids));
    this.#writer.begin(ownerInside(member, ids));
  }
}

function statOf({ paths: [path = ""], isPinned }: PackNode): Stats | null {
  if (isPinned) return fstatSync(Number(path.slice(path.lastIndexOf("/") + 1)));
  return lstatSync(pathOf(path), { throwIfNoEntry: false }) ?? null;
}

/** Looks before it opens: to open a device may already do something. */
function openFile(path: BytePath, isPinned: boolean): number | null {
  const pin = isPinned ? null : openIfThere(path, openPath | constants.O_NOFOLLOW | closeOnExec);
  if (pin === null && !isPinned) return null;
  try {
    if (pin !== null && !fstatSync(pin).isFile()) return null;
    return openIfThere(pin === null ? path : `/proc/self/fd/${pin}`, constants.O_RDONLY);
  } finally {
    if (pin !== null) closeSync(pin);
  }
}

function readLink(path: BytePath): BytePath | null {
  try {
    return readlinkSync(pathOf(path), "latin1");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EINVAL") return null;
    throw error;
  }
}

function attributesOf(path: BytePath): [string, Buffer][] {
  try {
    const names = syscalls.llistxattr(path).filter(isLayerAttribute).sort();
    return names.flatMap((name): [string, Buffer][] => {
      const value = syscalls.lgetxattr(path, name);
      return value === null ? [] : [[name, value]];
    });
  } catch (error) {
    if (["ENOENT", "ENOTSUP", "EOPNOTSUPP"].includes(errnoOf(error) ?? "")) return [];
    throw error;
  }
}

function typeOf(stat: Stats): TarEntryType | null {
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isCharacterDevice()) return "character";
  if (stat.isBlockDevice()) return "block";
  return stat.isFIFO() ? "fifo" : null;
}

function plain(type: TarEntryType, path: BytePath, stat: Stats): TarMember {
  return {
    type,
    path,
    linkPath: "",
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    seconds: Math.floor(stat.mtimeMs / 1000),
    major: 0,
    minor: 0,
    size: 0,
    xattrs: [],
  };
}

/** As gnu_dev_major(3) unpacks them. */
function deviceOf(device: number): { major: number; minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

function joined(parent: BytePath, name: BytePath): BytePath {
  return parent === "" || parent === "/" ? `${parent}${name}` : `${parent}/${name}`;
}

function tooDeep(path: BytePath): EngineError {
  return new EngineError("failed-precondition", `${textOf(path)}: directories are deeper than ${depthLimit} levels`);
}
