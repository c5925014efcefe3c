import { writeSync } from "node:fs";
import { posix } from "node:path";
import { EngineError } from "../../errors.ts";
import { closeOpened } from "../../host/file-calls.ts";
import { chmodOpen, chownOpen, fileTypes, openAt, openFlags, setTimeAt, statusOf } from "../../host/tree-calls.ts";
import { type BytePath, bytePathOf, textOf } from "../../lib/byte-path.ts";
import { type ModeChange, parseMode } from "./copy-mode.ts";
import { findOwner, type Owner } from "./copy-owner.ts";
import type { CopyTask, FilesWatch } from "./copy-tasks.ts";
import { isDirectory, openLoose } from "./digest-files.ts";
import { changed, StampHash } from "./digest-tree.ts";
import type { CopyWish, LooseFile } from "./file-copier.ts";
import { keptFacts } from "./kept-facts.ts";
import { type PlannedPick, picksOf } from "./picks.ts";
import { joined, SourceTree } from "./source-tree.ts";
import { isType, TargetTree } from "./target-tree.ts";
import { isArchive, unpackArchive } from "./unpack-archive.ts";
import { isCopied, openIfSame, readFlags, type TreeNode, TreeWalk } from "./walk-tree.ts";
import { TreeWriter } from "./write-tree.ts";

/** Does a copy task. Synchronous but for archives: for workers. */
export async function copyFiles(task: CopyTask, watch: FilesWatch): Promise<void> {
  const { tree, wish } = task;
  using target = new TargetTree(task.rootfs, wish.link);
  const copy = new Copy(target, task, watch);
  if (tree !== null) {
    using source = new SourceTree(tree.directory, tree.ignore);
    for (const planned of picksOf(source, wish, watch.check)) await copy.pick(planned, wish.unpack);
  }
  for (const file of wish.files) await copy.loose(file);
  copy.finish();
}

class Copy {
  readonly #target: TargetTree;
  readonly #task: CopyTask;
  readonly #watch: FilesWatch;
  readonly #owner: Owner | null;
  readonly #mode: ModeChange;
  readonly #path: string;
  readonly #stamps = new StampHash();
  /** Files that sources became by the target's own name. */
  readonly #named = new Set<BytePath>();

  constructor(target: TargetTree, task: CopyTask, watch: FilesWatch) {
    this.#target = target;
    this.#task = task;
    this.#watch = watch;
    this.#owner = findOwner(target.fd, task.wish.chown);
    this.#mode = parseMode(task.wish.chmod);
    this.#path = targetPath(task.wish);
  }

  async pick(planned: PlannedPick, unpack: boolean): Promise<void> {
    this.#watch.check();
    const { pick } = planned;
    if (isDirectory(pick)) {
      this.#directory(planned);
      return;
    }
    if (!isCopied(pick.status)) return;
    if (!isType(pick.status, fileTypes.file)) {
      this.#writer("").single(this.#placeFor(pick.label), { ...pick, path: "" }, null);
      return;
    }
    const fd = openIfSame(pick, readFlags);
    if (fd === null) throw changed(pick.path);
    try {
      const node = { ...pick, path: "", status: statusOf(fd) };
      if (unpack && (await isArchive(fd))) await this.#unpack(fd, node);
      else this.#writer("").single(this.#placeFor(pick.label), node, fd);
    } finally {
      closeOpened(fd);
    }
  }

  async loose(file: LooseFile): Promise<void> {
    this.#watch.check();
    if ("text" in file.content) {
      this.#text(file, file.content.text);
      return;
    }
    const loose = openLoose(file, this.#task.wish);
    if (loose === null) return;
    using _ = loose.tree;
    if (file.isDirectory === true) {
      this.#directory(loose);
      return;
    }
    await this.pick({ ...loose, pick: { ...loose.pick, label: bytePathOf(file.name) } }, file.unpack === true);
    if (file.unpack !== true) this.#describe(file);
  }

  /** Fails where it was not these files that were digested. */
  finish(): void {
    const { stamp } = this.#task;
    if (stamp !== null && this.#stamps.finish() !== stamp) throw changed("");
  }

  #directory({ pick, filters }: PlannedPick): void {
    const real = this.#makeParents();
    const there = this.#target.status(real);
    if (there !== null && !isType(there, fileTypes.directory)) {
      throw new EngineError("failed-precondition", `cannot copy to non-directory: /${textOf(real)}`);
    }
    this.#target.makeDirectories(real, this.#newDirectory());
    const writer = this.#writer(real);
    try {
      new TreeWalk(filters, writer, this.#watch.check).walk(pick);
    } finally {
      writer.abandon();
    }
  }

  async #unpack(fd: number, node: TreeNode): Promise<void> {
    const real = this.#target.realPath(bytePathOf(this.#path));
    this.#target.makeDirectories(real, { mode: 0o755, owner: this.#owner ?? { uid: 0, gid: 0 } });
    const directory = this.#target.openDirectory(real);
    try {
      const watch = { isCancelled: this.#watch.isCancelled, onRead: () => {} };
      await unpackArchive(fd, directory, watch);
    } catch (error) {
      throw EngineError.wrap(`unpack ${textOf(node.name)}`, error);
    } finally {
      closeOpened(directory);
    }
    // After it was read: it may have been written to meanwhile.
    this.#stamps.add({ ...node, status: statusOf(fd) });
    this.#watch.onFile(node.status.size);
  }

  /** Where a file goes: into the target where that is a directory, else it becomes the target. Its parents are there then. */
  #placeFor(label: BytePath): BytePath {
    const target = this.#makeParents();
    const isInside = isType(this.#target.status(target), fileTypes.directory);
    const real = isInside ? joined(target, label) : target;
    this.#target.makeDirectories(real.slice(0, Math.max(0, real.lastIndexOf("/"))), this.#newDirectory());
    if (!isInside && this.#named.has(real)) throw needsDirectory(this.#task.wish);
    if (!isInside) this.#named.add(real);
    return real;
  }

  /** Gives the target's real path. */
  #makeParents(): BytePath {
    const isDirectory = /(^|\/)\.?$/.test(this.#path);
    const parents = isDirectory ? this.#path : posix.dirname(this.#path);
    this.#target.makeDirectories(this.#target.realPath(bytePathOf(parents)), this.#newDirectory());
    return this.#target.realPath(bytePathOf(this.#path));
  }

  #newDirectory(): { mode: number; owner: Owner } {
    return { mode: 0o755, owner: this.#owner ?? { uid: 0, gid: 0 } };
  }

  #writer(top: BytePath): TreeWriter {
    const { tree, wish } = this.#task;
    return new TreeWriter(this.#target, top, {
      owner: this.#owner,
      kept: keptFacts(tree, wish),
      mode: this.#mode,
      replaces: wish.link,
      stamps: this.#stamps,
      onFile: this.#watch.onFile,
    });
  }

  #text(file: LooseFile, text: string): void {
    const real = this.#placeFor(bytePathOf(file.name));
    const bytes = Buffer.from(text, "utf8");
    this.#writer("").replace(real);
    const fd = this.#openTarget(real, openFlags.write | openFlags.create | openFlags.exclusive);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } finally {
      closeOpened(fd);
    }
    this.#target.noteMade(real);
    this.#describeAt(real, file);
    this.#watch.onFile(bytes.length);
  }

  /** What was fetched has a mode and a time that are not those of the file it was kept in. */
  #describe(file: LooseFile): void {
    const target = this.#target.realPath(bytePathOf(this.#path));
    const isInside = isType(this.#target.status(target), fileTypes.directory);
    this.#describeAt(isInside ? joined(target, bytePathOf(file.name)) : target, file);
  }

  #describeAt(real: BytePath, { mode, modifiedAt }: LooseFile): void {
    const fd = this.#openTarget(real, openFlags.write);
    try {
      chownOpen(fd, this.#owner ?? { uid: 0, gid: 0 });
      chmodOpen(fd, this.#mode.apply(mode, false));
      const seconds = modifiedAt ?? Date.now() / 1000;
      setTimeAt(fd, null, { seconds: Math.floor(seconds), nanoseconds: Math.floor((seconds % 1) * 1e9) });
    } finally {
      closeOpened(fd);
    }
  }

  #openTarget(real: BytePath, flags: number): number {
    const slash = real.lastIndexOf("/");
    const directory = this.#target.openDirectory(real.slice(0, Math.max(0, slash)));
    try {
      return openAt(directory, real.slice(slash + 1), flags, 0o600);
    } finally {
      closeOpened(directory);
    }
  }
}

/** Absolute; a slash or `/.` at its end is kept. */
function targetPath({ target, workingDirectory }: CopyWish): string {
  const path = target === "" || target === "." ? "./" : target;
  const whole = path.startsWith("/") ? path : posix.join("/", workingDirectory, path);
  const clean = posix.join("/", whole);
  const isDirectory = /\/\.?$/.test(path);
  return isDirectory && !clean.endsWith("/") ? `${clean}/` : clean;
}

function needsDirectory({ unpack }: CopyWish): EngineError {
  const name = unpack ? "ADD" : "COPY";
  return new EngineError(
    "invalid-argument",
    `when using ${name} with more than one source file, the destination must be a directory and end with a /`,
  );
}
