import { readdirSync } from "node:fs";
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
import { type BytePath, bytePathOf } from "../../lib/byte-path.ts";
import { compileName, hasWildcards, rootedPath } from "./go-path.ts";
import { PathPatterns, type PatternState } from "./path-patterns.ts";

/** A file or directory in a tree, whatever links led there. Its descriptors are valid until the tree is released. */
export type Pick = {
  /** Of the directory it lies in. */
  readonly directory: number;
  /** In that directory; `.` for the tree's own top. */
  readonly name: BytePath;
  /** From the top of the tree; empty for the top itself. */
  readonly path: BytePath;
  /** Last name by which it was asked for. */
  readonly label: BytePath;
  readonly status: FileStatus;
};

type Step = { readonly fd: number; readonly name: BytePath; readonly path: BytePath; readonly status: FileStatus };

type NameTest = (name: string) => boolean;

const maximumHops = 40;

/**
 * A tree of files that a stranger may change meanwhile. Each name is opened by itself below a descriptor of its parent and without
 * following links; links are read and resolved here, as if the top were `/`, and `..` goes back the way that was come: nothing leads out. What
 * an ignore file names is not there. Synchronous: for workers.
 */
export class SourceTree implements Disposable {
  readonly ignore: PathPatterns | null;
  readonly #top: Step;
  readonly #open: number[] = [];

  constructor(directory: string, ignore: readonly string[] | null) {
    const patterns = new PathPatterns(ignore ?? []);
    this.ignore = patterns.isEmpty ? null : patterns;
    const fd = openTop(directory);
    this.#top = { fd, name: ".", path: "", status: statusOf(fd) };
  }

  /** Null where nothing is there. Links are followed, the last one too. */
  find(path: string): Pick | null {
    const trail = this.#walk(bytePathOf(rootedPath(path)));
    return trail === null ? null : this.#pickOf(trail, bytePathOf(lastName(path)));
  }

  /**
   * All that match a path of which some names are patterns, in byte order; links are followed before the first of these, and at the end. Each is
   * valid until the next one is asked for.
   */
  *glob(path: string): Generator<Pick> {
    const names = rootedPath(path).split("/");
    const first = names.findIndex(hasWildcards);
    const patterns = names.slice(first).map(compileName);
    const top = this.#walk(bytePathOf(names.slice(0, first).join("/")))?.at(-1);
    if (top !== undefined) yield* this.#matches(top, patterns);
  }

  /** Of what lies in a directory, to be handed on while walking it. */
  stateOf(path: BytePath): PatternState | null {
    return this.ignore === null || path === "" ? null : this.ignore.matchWhole(textOfPath(path)).state;
  }

  release(): void {
    this.#releaseTo(0);
  }

  [Symbol.dispose](): void {
    this.release();
    closeOpened(this.#top.fd);
  }

  #walk(path: BytePath): Step[] | null {
    const trail = [this.#top];
    const names = namesOf(path);
    for (let hops = 0; names.length > 0; ) {
      const name = names.shift() ?? "";
      if (name === "..") {
        trail.length = Math.max(1, trail.length - 1);
        continue;
      }
      const step = this.#step(trail.at(-1) ?? this.#top, name);
      if (step === null || hops > maximumHops) return null;
      if ((step.status.mode & fileTypes.mask) !== fileTypes.link) {
        trail.push(step);
        continue;
      }
      hops++;
      const target = readLinkAt(step.fd, "");
      if (target.startsWith("/")) trail.length = 1;
      names.unshift(...namesOf(target));
    }
    return trail;
  }

  #step(parent: Step, name: BytePath): Step | null {
    const fd = openIfThere(parent.fd, name);
    if (fd === null) return null;
    this.#open.push(fd);
    const step = { fd, name, path: joined(parent.path, name), status: statusOf(fd) };
    return this.#isHidden(step) ? null : step;
  }

  #isHidden({ path, status }: Pick | Step): boolean {
    if (this.ignore === null) return false;
    const text = textOfPath(path);
    if (!this.ignore.matchWhole(text).isMatched) return false;
    return (status.mode & fileTypes.mask) !== fileTypes.directory || !this.ignore.canExceptBelow(text);
  }

  #pickOf(trail: readonly Step[], label: BytePath): Pick {
    const last = trail.at(-1) ?? this.#top;
    const parent = trail.at(-2);
    const place = parent === undefined ? { directory: last.fd, name: "." } : { directory: parent.fd, name: last.name };
    return { ...place, path: last.path, label, status: last.status };
  }

  *#matches(directory: Step, [matches, ...rest]: readonly NameTest[]): Generator<Pick> {
    if (matches === undefined || (directory.status.mode & fileTypes.mask) !== fileTypes.directory) return;
    const names = readNames(directory.fd).filter((name) => matches(textOfPath(name)));
    for (const name of names) {
      const open = this.#open.length;
      const pick = rest.length === 0 ? this.#match(directory, name) : null;
      const step = rest.length === 0 ? null : this.#step(directory, name);
      if (pick !== null) yield pick;
      if (step !== null) yield* this.#matches(step, rest);
      this.#releaseTo(open);
    }
  }

  #match({ fd, path: parent }: Step, name: BytePath): Pick | null {
    const status = statusAt(fd, name);
    const path = joined(parent, name);
    if (status === null) return null;
    const pick = { directory: fd, name, path, label: name, status };
    if (this.#isHidden(pick)) return null;
    if ((status.mode & fileTypes.mask) !== fileTypes.link) return pick;
    const trail = this.#walk(path);
    if (trail === null) throw notFound(textOfPath(path));
    return this.#pickOf(trail, name);
  }

  #releaseTo(count: number): void {
    for (const fd of this.#open.splice(count)) closeOpened(fd);
  }
}

export function notFound(path: string): EngineError {
  return new EngineError("not-found", `${JSON.stringify(`/${rootedPath(path)}`)}: not found`);
}

/** Names in byte order. */
export function readNames(fd: number): BytePath[] {
  return readdirSync(`/proc/self/fd/${fd}`, { encoding: "latin1" }).sort();
}

export function joined(parent: BytePath, name: BytePath): BytePath {
  return parent === "" ? name : `${parent}/${name}`;
}

/** What patterns are compared with. */
export function textOfPath(path: BytePath): string {
  for (let at = 0; at < path.length; at++) {
    if (path.charCodeAt(at) > 0x7f) return Buffer.from(path, "latin1").toString("utf8");
  }
  return path;
}

function lastName(path: string): string {
  const rooted = rootedPath(path);
  return rooted.slice(rooted.lastIndexOf("/") + 1);
}

function namesOf(path: BytePath): BytePath[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function openTop(directory: string): number {
  const none = -100;
  try {
    return openAt(none, bytePathOf(`${directory}/.`), openFlags.path | openFlags.directory);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR") throw error;
    throw new EngineError("not-found", `there is no directory ${directory}`);
  }
}

function openIfThere(directory: number, name: BytePath): number | null {
  try {
    return openAt(directory, name, openFlags.path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(errnoOf(error) ?? "")) return null;
    throw error;
  }
}
