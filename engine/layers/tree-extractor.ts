import * as fs from "node:fs";
import { EngineError } from "../errors.ts";
import { errnoError, errnoOf } from "../host/errno.ts";
import type { IDRange } from "../host/id-ranges.ts";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf, textOf } from "../lib/byte-path.ts";
import type { ContainerView, Place } from "./container-view.ts";
import { baseOf, parentOf, relativePath } from "./layer-tree.ts";
import { isLayerAttribute } from "./overlay-marks.ts";
import { removeTree } from "./remove-tree.ts";
import { ownerOnHost } from "./shifted-ids.ts";
import type { TarEntry } from "./tar-entry.ts";
import type { TarSink } from "./tar-parser.ts";

export type ExtractOptions = {
  /** Refuse to put a file in the place of a directory, and the other way round. */
  readonly noOverwriteDirNonDir: boolean;
  /** Who gets everything; null: whom the tar says. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  /** Set for a directory that an entry of its own may describe; docker leaves the one that is copied into as it is. */
  readonly describesTop?: boolean;
};

const createFlags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW;
/** Entries after which descriptors that were kept for those to come are closed. */
const releaseInterval = 200;
/** To make a name that others make as well. */
const mostAttempts = 20;

type OpenFile = { readonly fd: number; readonly entry: TarEntry; readonly ids: IDRange | null };
type Directory = {
  readonly trail: readonly Place[];
  readonly here: BytePath;
  readonly path: BytePath;
  readonly ids: IDRange | null;
};

/** Where something is made, and what ids are there. */
type Spot = { readonly at: BytePath; readonly ids: IDRange | null };

/**
 * Writes the entries of a hostile tar below a directory of a container that may change it meanwhile. A new name is made in a directory
 * that is held by its descriptor, and never through a link in the last place, so nothing outside of the container is touched. What is
 * there is replaced, but for directories, which are filled (docker's `Untar`).
 */
export class TreeExtractor implements TarSink, Disposable {
  readonly #view: ContainerView;
  readonly #top: Directory;
  readonly #options: ExtractOptions;
  readonly #directories = new Map<BytePath, Directory>();
  /** Times are set at the end, since every new child changes that of its directory. */
  readonly #times = new Map<BytePath, TarEntry>();
  #topEntry: TarEntry | null = null;
  #file: OpenFile | null = null;
  #entries = 0;

  /** `trail`: the directory, and those above it from the root down. */
  constructor(view: ContainerView, trail: readonly Place[], options: ExtractOptions) {
    this.#view = view;
    this.#top = directoryOf(trail);
    this.#options = options;
  }

  begin(entry: TarEntry): void {
    this.#guard(() => this.#apply(entry));
  }

  write(offset: number, bytes: Buffer): void {
    const file = this.#file;
    if (file === null) return;
    this.#guard(() => {
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(file.fd, bytes, at, bytes.length - at, offset + at);
    });
  }

  end(): void {
    const file = this.#file;
    if (file !== null) this.#guard(() => this.#finishFile(file));
  }

  finish(): void {
    this.#guard(() => {
      for (const [path, entry] of this.#times) {
        const place = this.#view.find(path, { followLast: false, from: this.#top.trail });
        if (place?.stat.isDirectory() && !place.readOnly) setTime(`/proc/self/fd/${place.fd}/.`, entry);
        this.#view.release(this.#top.trail);
      }
      if (this.#topEntry !== null) setTime(`${this.#top.here}/.`, this.#topEntry);
    });
  }

  [Symbol.dispose](): void {
    if (this.#file !== null) fs.closeSync(this.#file.fd);
    this.#file = null;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof EngineError) throw error;
      throw errnoError("cannot be written", error, "invalid-argument");
    }
  }

  #apply(entry: TarEntry): void {
    const path = relativePath(entry.path);
    if (path === "") {
      this.#applyTop(entry);
      return;
    }
    if (this.#entries++ % releaseInterval === 0) this.#forget();
    for (let attempt = 1; ; attempt++) {
      try {
        this.#put(path, entry);
        return;
      } catch (error) {
        // Somebody else made one of this name since it was looked for.
        if (errnoOf(error) !== "EEXIST" || attempt === mostAttempts) throw error;
      }
    }
  }

  #put(path: BytePath, entry: TarEntry): void {
    const parent = this.#directory(parentOf(path));
    const name = baseOf(path);
    const there = this.#view.child(parent.trail.at(-1) ?? this.#view.root, name);
    if (parent.trail.at(-1)?.readOnly || (there?.isMount && there.readOnly)) throw readOnly(there?.path ?? parent.path);
    if (there !== null && !this.#makeWay(there, parent, entry)) return;
    const at = `${parent.here}/${name}`;
    const { ids } = parent;
    if (entry.type === "file") this.#file = { fd: fs.openSync(pathOf(at), createFlags, 0o600), entry, ids };
    else if (entry.type === "directory") this.#makeDirectory(path, { at, ids }, entry);
    else if (entry.type === "link") this.#makeLink(at, entry);
    else if (entry.type === "symlink") this.#makeSymlink({ at, ids }, entry);
    else this.#makeNode({ at, ids }, entry, entry.type);
  }

  #applyTop(entry: TarEntry): void {
    if (this.#options.describesTop !== true || entry.type !== "directory") return;
    this.#describe({ at: `${this.#top.here}/.`, ids: this.#top.ids }, entry);
    this.#topEntry = entry;
  }

  /** False: what is there is a directory as wanted, and has been given the entry's attributes. */
  #makeWay(there: Place, parent: Directory, entry: TarEntry): boolean {
    const isDirectory = there.stat.isDirectory();
    const wantsDirectory = entry.type === "directory";
    if (this.#options.noOverwriteDirNonDir && isDirectory !== wantsDirectory) {
      const [old, wanted] = isDirectory ? ["directory", "non-directory"] : ["non-directory", "directory"];
      throw new EngineError("failed-precondition", `cannot overwrite ${old} /${textOf(there.path)} with ${wanted}`);
    }
    if (isDirectory && wantsDirectory) {
      this.#describe({ at: `/proc/self/fd/${there.fd}/.`, ids: there.ids }, entry);
      this.#times.set(relativePath(entry.path), entry);
      return false;
    }
    if (there.isMount) {
      throw new EngineError("failed-precondition", `/${textOf(there.path)} is a mount point and cannot be replaced`);
    }
    // A name that others may have been looked up by.
    if (!there.stat.isFile()) this.#directories.clear();
    removeTree(`${parent.here}/${baseOf(there.path)}`, parent.here);
    return true;
  }

  /** A directory by its path below the top, made where it is missing. */
  #directory(path: BytePath): Directory {
    if (path === "") return this.#top;
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const parent = this.#directory(parentOf(path));
    const name = baseOf(path);
    let trail = this.#view.walk(name, { followLast: true, from: parent.trail });
    if (trail === null) {
      if (parent.trail.at(-1)?.readOnly) throw readOnly(parent.path);
      fs.mkdirSync(pathOf(`${parent.here}/${name}`), 0o755);
      if (parent.ids !== null) fs.lchownSync(pathOf(`${parent.here}/${name}`), parent.ids.start, parent.ids.start);
      trail = this.#view.walk(name, { followLast: false, from: parent.trail });
    }
    const last = trail?.at(-1);
    if (trail === null || !last?.stat.isDirectory()) {
      throw new EngineError("failed-precondition", `its parent ${textOf(path)} is not a directory`);
    }
    const directory = directoryOf(trail);
    this.#directories.set(path, directory);
    return directory;
  }

  #forget(): void {
    this.#directories.clear();
    this.#view.release(this.#top.trail);
  }

  #ownerOf(entry: TarEntry, ids: IDRange | null): { uid: number; gid: number } {
    return ownerOnHost(this.#options.owner ?? entry, ids);
  }

  #finishFile({ fd, entry, ids }: OpenFile): void {
    if (entry.sparse !== null) fs.ftruncateSync(fd, entry.sparse.realSize);
    const { uid, gid } = this.#ownerOf(entry, ids);
    fs.fchownSync(fd, uid, gid);
    fs.fchmodSync(fd, entry.mode);
    setAttributes(entry, (name, value) => syscalls.fsetxattr(fd, name, value));
    const time = entry.time.seconds + entry.time.nanoseconds / 1e9;
    fs.futimesSync(fd, time, time);
    this.#file = null;
    fs.closeSync(fd);
  }

  #makeDirectory(path: BytePath, { at, ids }: Spot, entry: TarEntry): void {
    fs.mkdirSync(pathOf(at), 0o700);
    this.#withPinned(at, (pinned) => this.#describe({ at: `${pinned}/.`, ids }, entry));
    this.#times.delete(path);
    this.#times.set(path, entry);
  }

  #makeLink(at: BytePath, entry: TarEntry): void {
    const target = relativePath(entry.linkPath);
    const parent = this.#directory(parentOf(target));
    const place = this.#view.child(parent.trail.at(-1) ?? this.#view.root, baseOf(target));
    if (target === "" || place === null || place.stat.isDirectory() || place.isMount) {
      throw new EngineError("corrupt", `it is a hard link to ${textOf(entry.linkPath)}, which is no file there`);
    }
    fs.linkSync(pathOf(`${parent.here}/${baseOf(target)}`), pathOf(at));
  }

  #makeSymlink({ at, ids }: Spot, entry: TarEntry): void {
    if (entry.linkPath === "") throw new EngineError("corrupt", "it is a symbolic link to nothing");
    fs.symlinkSync(pathOf(entry.linkPath), pathOf(at));
    const { uid, gid } = this.#ownerOf(entry, ids);
    fs.lchownSync(pathOf(at), uid, gid);
    setTime(at, entry);
  }

  #makeNode({ at, ids }: Spot, entry: TarEntry, type: keyof typeof syscalls.nodeTypes): void {
    const { major, minor } = entry;
    if (major < 0 || minor < 0 || major > 0xfff || minor > 0xfffff || (type === "character" && major + minor === 0)) {
      throw new EngineError("corrupt", `its device number ${major}/${minor} is not possible`);
    }
    syscalls.mknod(at, syscalls.nodeTypes[type] | 0o600, { major, minor });
    this.#withPinned(at, (pinned) => {
      const { uid, gid } = this.#ownerOf(entry, ids);
      fs.chownSync(pinned, uid, gid);
      fs.chmodSync(pinned, entry.mode);
    });
    setTime(at, entry);
  }

  /** Owner, mode and attributes of a directory; `path` leads to itself and is not followed any further. */
  #describe({ at: path, ids }: Spot, entry: TarEntry): void {
    const { uid, gid } = this.#ownerOf(entry, ids);
    fs.chownSync(path, uid, gid);
    fs.chmodSync(path, entry.mode);
    setAttributes(entry, (name, value) => syscalls.lsetxattr(path, name, value));
  }

  /** Runs `work` with a path of what was made just now, which stays that whatever takes its name; not if it is a link by now. */
  #withPinned(at: BytePath, work: (pinned: BytePath) => void): void {
    const pathOnly = 0o10000000;
    const fd = fs.openSync(pathOf(at), pathOnly | fs.constants.O_NOFOLLOW);
    try {
      if (!fs.fstatSync(fd).isSymbolicLink()) work(`/proc/self/fd/${fd}`);
    } finally {
      fs.closeSync(fd);
    }
  }
}

function directoryOf(trail: readonly Place[]): Directory {
  const last = trail.at(-1);
  return { trail, here: `/proc/self/fd/${last?.fd}`, path: last?.path ?? "", ids: last?.ids ?? null };
}

function setTime(path: BytePath, entry: TarEntry): void {
  syscalls.setModificationTime(path, { seconds: entry.time.seconds, nanoseconds: entry.time.nanoseconds });
}

function setAttributes(entry: TarEntry, set: (name: BytePath, value: Buffer) => void): void {
  for (const [name, value] of entry.xattrs) {
    if (!isLayerAttribute(name)) continue;
    try {
      set(name, value);
    } catch (error) {
      if (!["ENOTSUP", "EOPNOTSUPP", "EPERM"].includes(errnoOf(error) ?? "")) throw error;
    }
  }
}

function readOnly(path: BytePath): EngineError {
  return new EngineError("permission-denied", `/${textOf(path)} is mounted read-only`);
}
