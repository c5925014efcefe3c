import { chmodSync, lstatSync, mkdirSync, readlinkSync, type Stats, unlinkSync } from "node:fs";
import { EngineError } from "../errors.ts";
import { errnoOf } from "../host/errno.ts";
import { type BytePath, pathOf, textOf } from "../lib/byte-path.ts";
import { isWhiteout, markOpaque } from "./overlay-marks.ts";
import { removeTree } from "./remove-tree.ts";

const maximumHops = 40;
const maximumPath = 4095;
const maximumImplicit = 100_000;

/**
 * The directory a layer is unpacked into, which nobody else writes meanwhile. All paths are relative to it, without a leading slash;
 * the empty path is the directory itself. A `real` path has no symbolic link among its parents, so that a system call on it stays inside.
 */
export class LayerTree {
  readonly #root: BytePath;
  readonly #parking: BytePath;
  /** Path as written in the tar to its real path. Emptied when a directory or a symbolic link goes. */
  readonly #resolved = new Map<BytePath, BytePath>();
  readonly #implicit = new Set<BytePath>();
  /** True once something was replaced. */
  hasReplaced = false;

  constructor(root: BytePath, parking: BytePath) {
    this.#root = root;
    this.#parking = parking;
  }

  absolute(real: BytePath): BytePath {
    return real === "" ? this.#root : `${this.#root}/${real}`;
  }

  /** Where an entry goes: all its parents resolved as if this tree were `/`, missing ones made. */
  place(path: BytePath): BytePath {
    const slash = path.lastIndexOf("/");
    return slash === -1 ? path : joined(this.resolve(path.slice(0, slash)), path.slice(slash + 1));
  }

  /** The real path of a directory, made where it is missing. Fails with `corrupt` where it is something else. */
  resolve(path: BytePath): BytePath {
    if (path === "") return "";
    const known = this.#resolved.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const parent = slash === -1 ? "" : this.resolve(path.slice(0, slash));
    const real = this.#descend(parent, path.slice(slash + 1), { hops: maximumHops });
    this.#resolved.set(path, real);
    return real;
  }

  lstat(real: BytePath): Stats | null {
    return lstatSync(pathOf(this.absolute(real)), { throwIfNoEntry: false }) ?? null;
  }

  /** Makes the directory an entry asks for, in place of whatever is there but a directory. */
  makeDirectory(real: BytePath): void {
    this.#implicit.delete(real);
    try {
      mkdirSync(pathOf(this.absolute(real)));
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      const stat = this.lstat(real);
      if (stat?.isDirectory()) return;
      this.clear(real);
      mkdirSync(pathOf(this.absolute(real)));
      // The layer hides what lies below by this name, and brings a directory of its own.
      if (stat !== null && isWhiteout(stat)) markOpaque(this.absolute(real));
    }
  }

  /** Runs `create`, which fails where something has the name; what has it is then removed, and `create` runs again. */
  replace(real: BytePath, create: (absolute: BytePath) => void): void {
    try {
      create(this.absolute(real));
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      this.clear(real);
      create(this.absolute(real));
    }
  }

  /** Removes what has this name. */
  clear(real: BytePath): void {
    const stat = this.lstat(real);
    if (stat === null) return;
    this.hasReplaced = true;
    if (stat.isDirectory() || stat.isSymbolicLink()) this.#resolved.clear();
    if (stat.isDirectory()) removeTree(this.absolute(real), this.#parking);
    else unlinkSync(pathOf(this.absolute(real)));
  }

  /** Directories that no entry of the tar describes. */
  implicitDirectories(): BytePath[] {
    this.#resolved.clear();
    return [...this.#implicit].filter((real) => this.isRealDirectory(real));
  }

  /** True if this is a directory still, and so are all its parents. */
  isRealDirectory(real: BytePath): boolean {
    if (real === "" || this.#resolved.get(real) === real) return true;
    const slash = real.lastIndexOf("/");
    if (slash !== -1 && !this.isRealDirectory(real.slice(0, slash))) return false;
    if (!this.lstat(real)?.isDirectory()) return false;
    this.#resolved.set(real, real);
    return true;
  }

  #descend(parent: BytePath, name: BytePath, budget: { hops: number }): BytePath {
    const real = joined(parent, name);
    const stat = this.lstat(real);
    if (stat === null) return this.#makeImplicit(real);
    if (stat.isDirectory()) return real;
    if (stat.isSymbolicLink()) return this.#follow(parent, real, budget);
    if (!isWhiteout(stat)) throw new EngineError("corrupt", `its parent ${textOf(real)} is not a directory`);
    this.clear(real);
    this.#makeImplicit(real);
    markOpaque(this.absolute(real));
    return real;
  }

  #follow(parent: BytePath, link: BytePath, budget: { hops: number }): BytePath {
    if (budget.hops-- === 0) throw new EngineError("corrupt", "its path goes through too many symbolic links");
    const target = readlinkSync(pathOf(this.absolute(link)), "latin1");
    let real = target.startsWith("/") ? "" : parent;
    for (const part of target.split("/")) {
      if (part === "" || part === ".") continue;
      real = part === ".." ? parentOf(real) : this.#descend(real, part, budget);
    }
    return real;
  }

  #makeImplicit(real: BytePath): BytePath {
    if (this.#implicit.size >= maximumImplicit) {
      throw new EngineError("corrupt", `more than ${maximumImplicit} directories have no entry of their own`);
    }
    const path = pathOf(this.absolute(real));
    mkdirSync(path);
    chmodSync(path, 0o755);
    this.#implicit.add(real);
    return real;
  }
}

/** Makes an entry's name a path within the tree. Fails with `corrupt` for what no layer needs. */
export function relativePath(name: BytePath): BytePath {
  if (name.length > maximumPath) throw new EngineError("corrupt", `its name is longer than ${maximumPath} bytes`);
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new EngineError("corrupt", 'its name contains ".."');
  return parts.join("/");
}

export function baseOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function parentOf(path: BytePath): BytePath {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

export function joined(parent: BytePath, name: BytePath): BytePath {
  return parent === "" ? name : `${parent}/${name}`;
}
