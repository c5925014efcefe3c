import { closeSync, lstatSync, readdirSync, type Stats } from "node:fs";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf, textOf } from "../lib/byte-path.ts";
import { findAttributeDifference, findDifference, openFile, orUnreadable, readFully } from "./compare-node.ts";
import { baseOf, joined, parentOf, relativePath } from "./layer-tree.ts";
import { isOpaque } from "./overlay-marks.ts";
import { PathSet } from "./path-set.ts";
import type { TarEntry } from "./tar-entry.ts";
import type { TarSink } from "./tar-parser.ts";

const whiteoutPrefix = ".wh.";
const whiteoutMetaPrefix = ".wh..wh.";
const opaqueMarker = ".wh..wh..opq";
/** Differences that are kept: with more the layer is beyond doubt another one. */
const keptProblems = 1000;

type OpenFile = { readonly path: BytePath; readonly fd: number; readonly entry: TarEntry; at: number };

/**
 * Looks while a layer's tar is read whether its directory holds just that. It makes no use of a tree in memory, and so believes that a tar names
 * each thing once and by its own path: what it finds in one that does otherwise may be wrong, and is to be seen to by unpacking it beside.
 */
export class TarComparison implements TarSink, Disposable {
  readonly #directory: BytePath;
  readonly #named = new PathSet();
  /** Directories that hide what lies below them. */
  readonly #opaque = new PathSet();
  readonly #problems = new Map<BytePath, string>();
  #buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  #plainParent: BytePath = "";
  #file: OpenFile | null = null;

  constructor(directory: BytePath, implicit: readonly BytePath[]) {
    this.#directory = directory;
    for (const path of implicit) this.#named.add(path);
  }

  begin(entry: TarEntry): void {
    const path = relativePath(entry.path);
    const name = baseOf(path);
    if (path.includes(whiteoutPrefix) && this.#beginWhiteout(path, name)) return;
    // What comes later takes the place of what came before.
    this.#problems.delete(path);
    this.#named.add(path);
    this.#note(path, () => this.#compare(path, entry));
  }

  write(offset: number, bytes: Buffer): void {
    const file = this.#file;
    if (file === null) return;
    this.#note(file.path, () => {
      if (offset > file.at && !this.#isHole(file, offset)) return "has other bytes";
      file.at = offset + bytes.length;
      return this.#holds(file.fd, offset, bytes) ? null : "has other bytes";
    });
  }

  end(): void {
    const file = this.#file;
    if (file === null) return;
    if (file.entry.sparse !== null) {
      const { realSize } = file.entry.sparse;
      this.#note(file.path, () => (this.#isHole(file, realSize) ? null : "has other bytes"));
    }
    this.#close();
  }

  /** Gives a sentence for each difference, by path; to be called when the tar has ended. */
  finish(isCancelled: () => boolean): ReadonlyMap<BytePath, string> {
    this.#walk("", isCancelled);
    return this.#problems;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  /** False: the entry is none. */
  #beginWhiteout(path: BytePath, name: BytePath): boolean {
    const parent = parentOf(path);
    if (name === opaqueMarker) {
      this.#opaque.add(parent);
      return true;
    }
    if (path.startsWith(whiteoutMetaPrefix) || path.includes(`/${whiteoutMetaPrefix}`)) return true;
    if (!name.startsWith(whiteoutPrefix)) return false;
    const hidden = joined(parent, name.slice(whiteoutPrefix.length));
    this.#named.add(hidden);
    this.#note(hidden, () => {
      const stat = this.#lstat(hidden);
      if (stat === null) return "is missing: it hides what lies below";
      // The layer may bring something of its own by this name.
      if (stat.isDirectory()) this.#opaque.add(hidden);
      return null;
    });
    return true;
  }

  #compare(path: BytePath, entry: TarEntry): string | null {
    if (!this.#hasPlainParents(path)) return "lies behind a link, or its parents are missing";
    const stat = this.#lstat(path);
    if (stat === null) return "is missing";
    if (entry.type === "link") return this.#compareLink(entry, stat);
    const absolute = this.#absolute(path);
    const isDevice = entry.type === "character" || entry.type === "block";
    const facts = {
      type: entry.type,
      mode: entry.type === "symlink" ? null : entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.type === "file" ? (entry.sparse?.realSize ?? entry.size) : null,
      target: entry.type === "symlink" ? entry.linkPath : null,
      device: isDevice ? syscalls.makedev(entry.major, entry.minor) : null,
    };
    const found = findDifference(facts, absolute, stat) ?? findAttributeDifference(absolute, entry.xattrs);
    if (found === null && entry.type === "file") this.#file = { path, fd: openFile(absolute), entry, at: 0 };
    return found;
  }

  #compareLink(entry: TarEntry, stat: Stats): string | null {
    const target = relativePath(entry.linkPath);
    return this.#lstat(target)?.ino === stat.ino ? null : `is no hard link to ${textOf(target)}`;
  }

  #holds(fd: number, offset: number, bytes: Buffer): boolean {
    if (this.#buffer.length < bytes.length) this.#buffer = Buffer.allocUnsafeSlow(bytes.length);
    return readFully(fd, this.#buffer.subarray(0, bytes.length), offset).equals(bytes);
  }

  /** True where there is nothing but zeros from where the file was read to, up to `end`. */
  #isHole(file: OpenFile, end: number): boolean {
    while (file.at < end) {
      const part = readFully(file.fd, this.#buffer.subarray(0, Math.min(this.#buffer.length, end - file.at)), file.at);
      if (part.length === 0 || !part.every((byte) => byte === 0)) return false;
      file.at += part.length;
    }
    return true;
  }

  /** Adds what no entry of the tar speaks of. */
  #walk(path: BytePath, isCancelled: () => boolean): void {
    if (isCancelled()) return;
    this.#note(path, () => {
      const absolute = this.#absolute(path);
      if (isOpaque(absolute) !== this.#opaque.has(path)) return "hides other things of the layers below";
      for (const entry of readdirSync(pathOf(absolute), { encoding: "latin1", withFileTypes: true })) {
        const child = joined(path, entry.name);
        if (!this.#named.has(child)) this.#note(child, () => "is not part of the layer");
        else if (entry.isDirectory()) this.#walk(child, isCancelled);
      }
      return null;
    });
  }

  #hasPlainParents(path: BytePath): boolean {
    const parent = parentOf(path);
    if (parent === "" || parent === this.#plainParent) return true;
    let part = "";
    for (const name of parent.split("/")) {
      part = joined(part, name);
      if (!this.#lstat(part)?.isDirectory()) return false;
    }
    this.#plainParent = parent;
    return true;
  }

  #note(path: BytePath, look: () => string | null): void {
    const problem = orUnreadable(look);
    if (problem === null || (this.#problems.size >= keptProblems && !this.#problems.has(path))) return;
    this.#problems.set(path, problem);
    if (this.#file?.path === path) this.#close();
  }

  #lstat(path: BytePath): Stats | null {
    return lstatSync(pathOf(this.#absolute(path)), { throwIfNoEntry: false }) ?? null;
  }

  #absolute(path: BytePath): BytePath {
    return path === "" ? this.#directory : `${this.#directory}/${path}`;
  }

  #close(): void {
    if (this.#file !== null) closeSync(this.#file.fd);
    this.#file = null;
  }
}
