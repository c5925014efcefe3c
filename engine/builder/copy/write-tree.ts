import { chmodSync, readSync, writeSync } from "node:fs";
import { EngineError } from "../../errors.ts";
import { closeOpened } from "../../host/file-calls.ts";
import { makedev } from "../../host/syscalls.ts";
import {
  chmodOpen,
  chownAt,
  chownOpen,
  copyRange,
  type FileStatus,
  fileTypes,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  openAt,
  openFlags,
  setAttributeOf,
  setTimeAt,
  statusAt,
  statusOf,
  symlinkAt,
  unlinkAt,
} from "../../host/tree-calls.ts";
import { type BytePath, pathOf, textOf } from "../../lib/byte-path.ts";
import type { ModeChange } from "./copy-mode.ts";
import type { Owner } from "./copy-owner.ts";
import { changed, type StampHash } from "./digest-tree.ts";
import { attributesOf, type KeptFacts } from "./kept-facts.ts";
import { joined } from "./source-tree.ts";
import { isType, type TargetTree } from "./target-tree.ts";
import { type TreeNode, type TreeVisitor, targetOf } from "./walk-tree.ts";

export type WriteOptions = {
  /** Null: whom the source says. */
  readonly owner: Owner | null;
  readonly kept: KeptFacts;
  readonly mode: ModeChange;
  /** What has another type is replaced, where docker would refuse. */
  readonly replaces: boolean;
  readonly stamps: StampHash;
  /** After each file. */
  readonly onFile: (bytes: number) => void;
};

type Level = { readonly fd: number; readonly path: BytePath; readonly isNew: boolean; readonly setsGroup: boolean };

/** Above this a copy within the kernel is worth a try. */
const largeFile = 256 * 1024;
const buffer = Buffer.allocUnsafeSlow(1024 * 1024);

const createFlags = openFlags.write | openFlags.create | openFlags.exclusive;

/**
 * Writes what it is shown below a directory of a root file system, as docker's copy does: what is there gives way to a file, directories are
 * filled and become as their source, but for the top one, which stays as it is.
 */
export class TreeWriter implements TreeVisitor {
  readonly #target: TargetTree;
  readonly #top: BytePath;
  readonly #options: WriteOptions;
  readonly #levels: Level[] = [];
  /** Real path of each file with several names. */
  readonly #links = new Map<string, BytePath>();

  /** top: real path of the directory that is filled. */
  constructor(target: TargetTree, top: BytePath, options: WriteOptions) {
    this.#target = target;
    this.#top = top;
    this.#options = options;
  }

  /** Writes one file at a real path whose parent is there; without a descriptor what is no file. */
  single(real: BytePath, node: TreeNode, fd: number | null): void {
    const slash = real.lastIndexOf("/");
    const parent = real.slice(0, Math.max(slash, 0));
    const level = this.#openLevel(parent);
    this.#levels.push(level);
    try {
      const named = { ...node, path: real.slice(slash + 1) };
      const target = fd === null ? targetOf(node) : "";
      if (target === null) throw changed(named.path);
      if (fd === null) this.special(named, target);
      else this.file(named, fd);
      this.#target.noteMade(real);
    } finally {
      this.#levels.pop();
      closeOpened(level.fd);
    }
  }

  /** Takes away what stands at a real path in the way of a file. */
  replace(real: BytePath): void {
    const slash = real.lastIndexOf("/");
    const level = this.#openLevel(real.slice(0, Math.max(slash, 0)));
    try {
      this.#makeWay(level, real.slice(slash + 1));
    } finally {
      closeOpened(level.fd);
    }
  }

  enter(node: TreeNode): void {
    const parent = this.#levels.at(-1);
    if (parent === undefined) {
      this.#levels.push(this.#openLevel(this.#top));
      return;
    }
    this.#options.stamps.directory(node);
    const name = nameOf(node);
    const path = joined(parent.path, name);
    let there = statusAt(parent.fd, name);
    if (there !== null && !isType(there, fileTypes.directory)) {
      if (!this.#options.replaces) {
        throw new EngineError("failed-precondition", `cannot copy to non-directory: /${textOf(path)}`);
      }
      this.#target.remove(path);
      there = null;
    }
    if (there === null) makeDirectoryAt(parent.fd, name, 0o700);
    const fd = openAt(parent.fd, name, openFlags.read | openFlags.directory);
    this.#levels.push({ fd, path, ...factsOf(fd), isNew: there === null });
  }

  leave(node: TreeNode, source: number, isListed: boolean): void {
    const level = this.#levels.pop();
    if (level === undefined) return;
    try {
      // The target itself is of now, as docker's is.
      if (node.path === "") return;
      this.#describeDirectory(level, { node, source, isListed });
      if (isListed) setTimeAt(level.fd, null, node.status.modified);
    } finally {
      closeOpened(level.fd);
    }
  }

  file(node: TreeNode, source: number): void {
    const level = this.#level();
    const name = this.#makeWay(level, nameOf(node));
    const { status } = node;
    if (this.#link(level, name, status)) {
      this.#options.stamps.add(node);
      return;
    }
    const fd = openAt(level.fd, name, createFlags, 0o600);
    try {
      copyContent(source, fd, { size: status.size, path: node.path });
      this.#describe(level, fd, status);
      copyAttributes(source, fd, this.#options.kept);
      setTimeAt(fd, null, status.modified);
    } finally {
      closeOpened(fd);
    }
    // After it was read: it may have been written to meanwhile.
    this.#options.stamps.add({ ...node, status: statusOf(source) });
    this.#options.onFile(status.size);
  }

  special(node: TreeNode, target: BytePath): void {
    const level = this.#level();
    const name = this.#makeWay(level, nameOf(node));
    const { status } = node;
    const isLink = isType(status, fileTypes.link);
    // After the link was read, which another one may have replaced.
    const after = statusAt(node.directory, node.name);
    if (after === null) throw changed(node.path);
    this.#options.stamps.add({ ...node, status: after });
    if (isLink) symlinkAt(target, level.fd, name);
    else {
      const device = makedev(status.major, status.minor);
      makeNodeAt(level.fd, name, { mode: (status.mode & fileTypes.mask) | 0o600, device });
    }
    chownAt(level.fd, name, this.#ownerOf(status));
    if (!isLink) {
      chmodSync(pathOf(`/proc/self/fd/${level.fd}/${name}`), this.#options.mode.apply(status.mode & 0o7777, false));
    }
    setTimeAt(level.fd, name, status.modified);
    this.#options.onFile(0);
  }

  /** Closes what a walk that failed has left open. */
  abandon(): void {
    for (const { fd } of this.#levels.splice(0)) closeOpened(fd);
  }

  #level(): Level {
    const level = this.#levels.at(-1);
    if (level === undefined) throw new Error("a file outside of a directory");
    return level;
  }

  #openLevel(path: BytePath): Level {
    const fd = this.#target.openDirectory(path);
    return { fd, path, isNew: false, ...factsOf(fd) };
  }

  #ownerOf({ uid, gid }: FileStatus): Owner {
    return this.#options.owner ?? (this.#options.kept.owners ? { uid, gid } : { uid: 0, gid: 0 });
  }

  #describe(level: Level, fd: number, status: FileStatus): void {
    const owner = this.#ownerOf(status);
    // A new file is root's already, but for the group that some directories give.
    if (owner.uid !== 0 || owner.gid !== 0 || level.setsGroup) chownOpen(fd, owner);
    chmodOpen(fd, this.#options.mode.apply(status.mode & 0o7777, false));
  }

  /** One that was there keeps its owner where it is only passed through, as docker has it. */
  #describeDirectory(level: Level, { node, source, isListed }: { node: TreeNode; source: number; isListed: boolean }) {
    const isWhole = isListed || level.isNew;
    if (isWhole) chownOpen(level.fd, this.#ownerOf(node.status));
    const mode = node.status.mode & 0o7777;
    chmodOpen(level.fd, isWhole ? this.#options.mode.apply(mode, true) : mode);
    if (isWhole) copyAttributes(source, level.fd, this.#options.kept);
  }

  /** Takes away what has the name. Gives the name. */
  #makeWay(level: Level, name: BytePath): BytePath {
    const there = statusAt(level.fd, name);
    if (there === null) return name;
    if (!isType(there, fileTypes.directory)) unlinkAt(level.fd, name);
    else if (this.#options.replaces) this.#target.remove(joined(level.path, name));
    else {
      const path = textOf(joined(level.path, name));
      throw new EngineError("failed-precondition", `cannot replace to directory /${path} with file`);
    }
    return name;
  }

  #link(level: Level, name: BytePath, status: FileStatus): boolean {
    if (status.links < 2) return false;
    const first = this.#links.get(status.identity);
    if (first === undefined) {
      this.#links.set(status.identity, joined(level.path, name));
      return false;
    }
    linkAt(this.#target.fd, first, { directory: level.fd, name });
    this.#options.onFile(0);
    return true;
  }
}

function factsOf(fd: number): { readonly setsGroup: boolean } {
  return { setsGroup: (statusOf(fd).mode & 0o2000) !== 0 };
}

function nameOf({ path }: TreeNode): BytePath {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function copyContent(from: number, to: number, { size, path }: { size: number; path: BytePath }): void {
  let done = size > largeFile ? copyInKernel(from, to, size) : 0;
  while (done < size) {
    const read = readSync(from, buffer, 0, Math.min(buffer.length, size - done), null);
    if (read === 0) throw changed(path);
    for (let at = 0; at < read; ) at += writeSync(to, buffer, at, read - at, null);
    done += read;
  }
}

/** Gives how much was copied; both files stand behind it. */
function copyInKernel(from: number, to: number, size: number): number {
  const step = 2 ** 30;
  let done = 0;
  while (done < size) {
    const copied = copyRange(from, to, Math.min(step, size - done));
    if (copied === null || copied === 0) break;
    done += copied;
  }
  return done;
}

function copyAttributes(from: number, to: number, kept: KeptFacts): void {
  for (const [name, value] of attributesOf(from, kept)) setAttributeOf(to, name, value);
}
