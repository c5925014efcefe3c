import * as fs from "node:fs";
import { EngineError } from "../errors.ts";
import { errnoError, errnoOf } from "../host/errno.ts";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf, textOf } from "../lib/byte-path.ts";
import { baseOf, joined, LayerTree, parentOf, relativePath } from "./layer-tree.ts";
import { isLayerAttribute, isWhiteout, makeWhiteout, markOpaque } from "./overlay-marks.ts";
import type { TarEntry } from "./tar-entry.ts";
import type { TarSink } from "./tar-parser.ts";

const createFlags = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW;
const whiteoutPrefix = ".wh.";
const whiteoutMetaPrefix = ".wh..wh.";
const opaqueMarker = ".wh..wh..opq";
/** Failures of system calls that only what stands in the tar can cause. */
const tarErrnos = new Set(["ENAMETOOLONG", "EINVAL", "ELOOP", "ENOTDIR", "EMLINK", "ERANGE", "E2BIG"]);

type OpenFile = { readonly fd: number; readonly real: BytePath; readonly entry: TarEntry };

/**
 * Writes the entries of a hostile tar into one directory, as a layer of an overlay: whiteouts become 0/0 character devices, opaque
 * markers an attribute (OCI image-spec, layer.md, "Whiteouts"). Nothing outside the directory is ever touched; later entries
 * replace earlier ones.
 */
export class LayerExtractor implements TarSink, Disposable {
  readonly #tree: LayerTree;
  /** Set at the end, since every new child changes the time of a directory, and inherits from its ACL. */
  readonly #directories = new Map<BytePath, TarEntry>();
  #file: OpenFile | null = null;
  /** An entry of the tar describes the layer's own top directory. */
  hasRoot = false;
  /** Bytes of all files; too much where `hasReplaced`. */
  size = 0;

  constructor(root: BytePath, parking: BytePath) {
    this.#tree = new LayerTree(root, parking);
  }

  get hasReplaced(): boolean {
    return this.#tree.hasReplaced;
  }

  begin(entry: TarEntry): void {
    this.#guard(() => this.#apply(entry, relativePath(entry.path)));
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

  /** Gives the directories which no entry described. */
  finish(): BytePath[] {
    return this.#guard(() => {
      const implicit = this.#tree.implicitDirectories();
      for (const [real, entry] of this.#directories) {
        if (!this.#tree.isRealDirectory(real)) continue;
        this.#setAttributes(real, entry);
        this.#setTime(real, entry);
      }
      return implicit;
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
      throw errnoError("cannot be written", error, tarErrnos.has(errnoOf(error) ?? "") ? "corrupt" : "internal");
    }
  }

  #apply(entry: TarEntry, path: BytePath): void {
    if (path === "") {
      this.#applyRoot(entry);
      return;
    }
    const name = baseOf(path);
    if (path.includes(whiteoutPrefix) && this.#applyWhiteout(path, name)) return;
    const real = this.#tree.place(path);
    if (entry.type === "file") this.#openFile(real, entry);
    else if (entry.type === "directory") this.#makeDirectory(real, entry);
    else if (entry.type === "link") this.#makeLink(real, entry);
    else if (entry.type === "symlink") this.#makeSymlink(real, entry);
    else this.#makeNode(real, entry, entry.type);
  }

  #applyRoot(entry: TarEntry): void {
    if (entry.type !== "directory") throw new EngineError("corrupt", "it would replace the root directory");
    this.hasRoot = true;
    this.#makeDirectoryLike("", entry);
  }

  /** False: the entry is none. */
  #applyWhiteout(path: BytePath, name: BytePath): boolean {
    if (name === opaqueMarker) {
      markOpaque(this.#tree.absolute(this.#tree.resolve(parentOf(path))));
      return true;
    }
    // What aufs keeps for itself.
    if (path.startsWith(whiteoutMetaPrefix) || path.includes(`/${whiteoutMetaPrefix}`)) return true;
    if (!name.startsWith(whiteoutPrefix)) return false;
    const hidden = name.slice(whiteoutPrefix.length);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw new EngineError("corrupt", `it hides no name but "${hidden}"`);
    }
    const real = joined(this.#tree.resolve(parentOf(path)), hidden);
    const stat = this.#tree.lstat(real);
    // A whiteout speaks of the layers below only: what this layer has by the same name stays.
    if (stat === null) makeWhiteout(this.#tree.absolute(real));
    else if (stat.isDirectory()) markOpaque(this.#tree.absolute(real));
    return true;
  }

  #openFile(real: BytePath, entry: TarEntry): void {
    this.#tree.replace(real, (absolute) => {
      this.#file = { fd: fs.openSync(pathOf(absolute), createFlags, 0o600), real, entry };
    });
    this.size += entry.sparse?.realSize ?? entry.size;
  }

  #finishFile({ fd, real, entry }: OpenFile): void {
    if (entry.sparse !== null) fs.ftruncateSync(fd, entry.sparse.realSize);
    fs.fchownSync(fd, entry.uid, entry.gid);
    // After the owner, since a change of owner takes setuid and capabilities away.
    fs.fchmodSync(fd, entry.mode);
    this.#setAttributes(real, entry);
    const { seconds, nanoseconds } = entry.time;
    if (nanoseconds === 0 && seconds >= 0) fs.futimesSync(fd, seconds, seconds);
    this.#file = null;
    fs.closeSync(fd);
    if (nanoseconds !== 0 || seconds < 0) this.#setTime(real, entry);
  }

  #makeDirectory(real: BytePath, entry: TarEntry): void {
    this.#tree.makeDirectory(real);
    this.#makeDirectoryLike(real, entry);
  }

  #makeDirectoryLike(real: BytePath, entry: TarEntry): void {
    const path = pathOf(this.#tree.absolute(real));
    fs.lchownSync(path, entry.uid, entry.gid);
    fs.chmodSync(path, entry.mode);
    this.#directories.delete(real);
    this.#directories.set(real, entry);
  }

  #makeLink(real: BytePath, entry: TarEntry): void {
    const target = relativePath(entry.linkPath);
    const targetReal = target === "" ? "" : this.#tree.place(target);
    const stat = targetReal === "" ? null : this.#tree.lstat(targetReal);
    const isReplaced = targetReal.startsWith(`${real}/`);
    if (stat === null || stat.isDirectory() || isWhiteout(stat) || isReplaced) {
      throw new EngineError(
        "corrupt",
        `it is a hard link to ${textOf(entry.linkPath)}, which is no file in this layer`,
      );
    }
    if (targetReal === real) return;
    const from = pathOf(this.#tree.absolute(targetReal));
    this.#tree.replace(real, (absolute) => fs.linkSync(from, pathOf(absolute)));
  }

  #makeSymlink(real: BytePath, entry: TarEntry): void {
    if (entry.linkPath === "") throw new EngineError("corrupt", "it is a symbolic link to nothing");
    this.#tree.replace(real, (absolute) => fs.symlinkSync(pathOf(entry.linkPath), pathOf(absolute)));
    fs.lchownSync(pathOf(this.#tree.absolute(real)), entry.uid, entry.gid);
    this.#setAttributes(real, entry);
    this.#setTime(real, entry);
  }

  #makeNode(real: BytePath, entry: TarEntry, type: keyof typeof syscalls.nodeTypes): void {
    const { major, minor } = entry;
    if (major < 0 || minor < 0 || major > 0xfff || minor > 0xfffff) {
      throw new EngineError("corrupt", `its device number ${major}/${minor} is not possible`);
    }
    const absolute = this.#tree.absolute(real);
    this.#tree.replace(real, () => syscalls.mknod(absolute, syscalls.nodeTypes[type] | 0o600, { major, minor }));
    fs.lchownSync(pathOf(absolute), entry.uid, entry.gid);
    fs.chmodSync(pathOf(absolute), entry.mode);
    this.#setAttributes(real, entry);
    this.#setTime(real, entry);
  }

  #setAttributes(real: BytePath, entry: TarEntry): void {
    for (const [name, value] of entry.xattrs) {
      if (!isLayerAttribute(name)) continue;
      try {
        syscalls.lsetxattr(this.#tree.absolute(real), name, value);
      } catch (error) {
        // A file system, or a kind of file, that does not keep this attribute.
        if (!["ENOTSUP", "EOPNOTSUPP", "EPERM"].includes(errnoOf(error) ?? "")) throw error;
      }
    }
  }

  #setTime(real: BytePath, entry: TarEntry): void {
    const { seconds, nanoseconds } = entry.time;
    const absolute = this.#tree.absolute(real);
    if (nanoseconds === 0 && seconds >= 0) fs.lutimesSync(pathOf(absolute), seconds, seconds);
    else syscalls.setModificationTime(absolute, entry.time);
  }
}
