import { EngineError } from "../../errors.ts";
import { errnoOf } from "../../host/errno.ts";
import { closeOpened } from "../../host/file-calls.ts";
import {
  type FileStatus,
  fileTypes,
  openAt,
  openFlags,
  readLinkAt,
  statusAt,
  statusOf,
} from "../../host/tree-calls.ts";
import type { BytePath } from "../../lib/byte-path.ts";
import type { PathPatterns, PatternState } from "./path-patterns.ts";
import { joined, type Pick, readNames, textOfPath } from "./source-tree.ts";

/** Something below the top of what is copied. */
export type TreeNode = {
  /** Descriptor of the directory it lies in. */
  readonly directory: number;
  readonly name: BytePath;
  /** From the top of what is copied; empty for the top itself. */
  readonly path: BytePath;
  readonly status: FileStatus;
};

export interface TreeVisitor {
  /** isListed: false where only something in it is copied. */
  enter(node: TreeNode, fd: number, isListed: boolean): void;
  /** After all in it. */
  leave(node: TreeNode, fd: number, isListed: boolean): void;
  /** fd: open for reading; `status` is of what was opened. */
  file(node: TreeNode, fd: number): void;
  /** A link with where it leads, or a fifo or a device: then it is empty. */
  special(node: TreeNode, target: BytePath): void;
}

export type WalkFilters = {
  /** By path in the tree. state: of the top. */
  readonly ignore: PathPatterns | null;
  readonly ignoreState: PatternState | null;
  /** By path from the top of what is copied. */
  readonly include: PathPatterns | null;
  readonly exclude: PathPatterns | null;
};

type States = {
  readonly ignore: PatternState | null;
  readonly include: PatternState | null;
  readonly exclude: PatternState | null;
};

/** isKept: it is copied. isDead: nothing below it can be. */
type Verdict = { readonly isKept: boolean; readonly isDead: boolean; readonly states: States };

type Level = { readonly node: TreeNode; readonly fd: number; readonly isListed: boolean; isEntered: boolean };

/** Descriptors are held a level. */
const depthLimit = 1000;

export const readFlags = openFlags.read | openFlags.nonBlocking | openFlags.noTerminal;

/**
 * Shows a visitor a directory with all below it, names in byte order, through descriptors and without following links. Sockets are left out,
 * and so is what vanishes meanwhile. A directory that the filters leave out is entered once something in it is not. Synchronous.
 */
export class TreeWalk {
  readonly #filters: WalkFilters;
  readonly #visitor: TreeVisitor;
  readonly #check: () => void;
  readonly #levels: Level[] = [];
  #treePath: BytePath = "";

  /** check: called for each name; throws to end it. */
  constructor(filters: WalkFilters, visitor: TreeVisitor, check: () => void) {
    this.#filters = filters;
    this.#visitor = visitor;
    this.#check = check;
  }

  walk(pick: Pick): void {
    this.#treePath = pick.path;
    const node = { directory: pick.directory, name: pick.name, path: "", status: pick.status };
    const states = { ignore: this.#filters.ignoreState, include: null, exclude: null };
    this.#directory(node, { isKept: true, isDead: false, states });
  }

  #directory(node: TreeNode, { isKept, states }: Verdict): void {
    if (this.#levels.length >= depthLimit) {
      throw new EngineError("failed-precondition", `directories are deeper than ${depthLimit} levels`);
    }
    const fd = openIfSame(node, openFlags.read | openFlags.directory);
    if (fd === null) return;
    const level: Level = { node, fd, isListed: isKept, isEntered: false };
    this.#levels.push(level);
    try {
      if (isKept) this.#enterAll();
      for (const name of readNames(fd)) this.#name(level, name, states);
      if (level.isEntered) this.#visitor.leave(node, fd, isKept);
    } finally {
      this.#levels.pop();
      closeOpened(fd);
    }
  }

  #name(level: Level, name: BytePath, states: States): void {
    this.#check();
    const path = joined(level.node.path, name);
    const verdict = this.#judge(path, states);
    if (verdict.isDead && !verdict.isKept) return;
    const status = statusAt(level.fd, name);
    if (status === null) return;
    const type = status.mode & fileTypes.mask;
    const node = { directory: level.fd, name, path, status };
    if (type === fileTypes.directory) this.#directory(node, verdict);
    else if (verdict.isKept && type === fileTypes.file) this.#file(node);
    else if (verdict.isKept && isCopied(status)) {
      const target = targetOf(node);
      if (target === null) return;
      this.#enterAll();
      this.#visitor.special(node, target);
    }
  }

  #file(node: TreeNode): void {
    const fd = openIfSame(node, readFlags);
    if (fd === null) return;
    try {
      this.#enterAll();
      this.#visitor.file({ ...node, status: statusOf(fd) }, fd);
    } finally {
      closeOpened(fd);
    }
  }

  #enterAll(): void {
    if (this.#levels.at(-1)?.isEntered) return;
    for (const level of this.#levels) {
      if (!level.isEntered) this.#visitor.enter(level.node, level.fd, level.isListed);
      level.isEntered = true;
    }
  }

  #judge(path: BytePath, parent: States): Verdict {
    const { ignore, include, exclude } = this.#filters;
    if (ignore === null && include === null && exclude === null) return { isKept: true, isDead: false, states: parent };
    const treePath = ignore === null ? "" : textOfPath(joined(this.#treePath, path));
    const text = textOfPath(path);
    const ignored = ignore?.match(treePath, parent.ignore);
    const included = include?.match(text, parent.include);
    const excluded = exclude?.match(text, parent.exclude);
    return {
      isKept: !ignored?.isMatched && !excluded?.isMatched && included?.isMatched !== false,
      isDead:
        (ignored?.isMatched === true && !ignore?.canExceptBelow(treePath)) ||
        (excluded?.isMatched === true && !exclude?.canExceptBelow(text)) ||
        (included?.isMatched === false && !include?.canMatchBelow(text)),
      states: {
        ignore: ignored?.state ?? null,
        include: included?.state ?? null,
        exclude: excluded?.state ?? null,
      },
    };
  }
}

/** Character device 0/0 is what overlayfs takes for the mark of a file that was deleted. */
export function isCopied({ mode, major, minor }: FileStatus): boolean {
  const type = mode & fileTypes.mask;
  return type !== fileTypes.socket && !(type === fileTypes.character && major === 0 && minor === 0);
}

/** Where a link leads; empty for what is none. Null where something else has the name by now, or nothing. */
export function targetOf({ directory, name, status }: TreeNode | Pick): BytePath | null {
  if ((status.mode & fileTypes.mask) !== fileTypes.link) return "";
  try {
    return readLinkAt(directory, name);
  } catch (error) {
    if (errnoOf(error) === "EINVAL" || errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** Null where something else has the name by now, or nothing. */
export function openIfSame({ directory, name, status }: TreeNode | Pick, flags: number): number | null {
  let fd: number;
  try {
    fd = openAt(directory, name, flags);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"].includes(errnoOf(error) ?? "")) return null;
    throw error;
  }
  const opened = statusOf(fd);
  if (opened.identity === status.identity || (opened.mode & fileTypes.mask) === (status.mode & fileTypes.mask))
    return fd;
  closeOpened(fd);
  return null;
}
