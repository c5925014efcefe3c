import { closeSync, lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import * as syscalls from "../host/syscalls.ts";
import { type BytePath, pathOf } from "../lib/byte-path.ts";
import { findAttributeDifference, findDifference, openFile, orUnreadable, readFully, typeOf } from "./compare-node.ts";
import { joined } from "./layer-tree.ts";
import { isOpaque } from "./overlay-marks.ts";
import { problemLimit } from "./verify-tasks.ts";

const bufferSize = 1024 * 1024;

export type TreesOptions = {
  /** Directories whose owner, mode and attributes do not count. */
  readonly implicit: ReadonlySet<BytePath>;
  readonly isCancelled: () => boolean;
};

/** Gives what in a directory is not as in the other one, by path: at most some twenty. Nobody changes them meanwhile. Synchronous: for workers. */
export function compareTrees(
  expected: BytePath,
  directory: BytePath,
  options: TreesOptions,
): ReadonlyMap<BytePath, string> {
  const comparison = new TreeComparison(expected, directory, options);
  comparison.node("");
  return comparison.problems;
}

class TreeComparison {
  readonly problems = new Map<BytePath, string>();
  readonly #expected: BytePath;
  readonly #directory: BytePath;
  readonly #options: TreesOptions;
  /** Inode here by inode there of files with several names. */
  readonly #links = new Map<number, number>();
  readonly #buffers = [Buffer.allocUnsafeSlow(bufferSize), Buffer.allocUnsafeSlow(bufferSize)] as const;

  constructor(expected: BytePath, directory: BytePath, options: TreesOptions) {
    this.#expected = expected;
    this.#directory = directory;
    this.#options = options;
  }

  node(path: BytePath): void {
    if (this.#options.isCancelled() || this.problems.size >= problemLimit) return;
    const wanted = lstatSync(pathOf(at(this.#expected, path)));
    const problem = orUnreadable(() => this.#compare(path, wanted));
    if (problem !== null) this.problems.set(path, problem);
    else if (wanted.isDirectory()) this.#children(path);
  }

  #children(path: BytePath): void {
    const wanted = new Set(namesIn(at(this.#expected, path)));
    for (const name of namesIn(at(this.#directory, path))) {
      if (!wanted.has(name)) this.problems.set(joined(path, name), "is not part of the layer");
    }
    for (const name of wanted) this.node(joined(path, name));
  }

  #compare(path: BytePath, wanted: Stats): string | null {
    const [there, here] = [at(this.#expected, path), at(this.#directory, path)];
    const stat = lstatSync(pathOf(here));
    const type = typeOf(wanted);
    const isImplicit = this.#options.implicit.has(path);
    const facts = {
      type,
      mode: isImplicit || type === "symlink" ? null : wanted.mode & 0o7777,
      uid: isImplicit ? null : wanted.uid,
      gid: isImplicit ? null : wanted.gid,
      size: type === "file" ? wanted.size : null,
      target: type === "symlink" ? readlinkSync(pathOf(there), "latin1") : null,
      device: type === "character" || type === "block" ? wanted.rdev : null,
    };
    const found = findDifference(facts, here, stat) ?? (isImplicit ? null : this.#attributes(there, here));
    if (found !== null) return found;
    if (type === "directory")
      return isOpaque(there) === isOpaque(here) ? null : "hides other things of the layers below";
    return type === "file" ? this.#compareFile({ there, here }, wanted, stat) : null;
  }

  #attributes(there: BytePath, here: BytePath): string | null {
    const names = syscalls.llistxattr(there);
    return findAttributeDifference(
      here,
      names.map((name) => [name, syscalls.lgetxattr(there, name) ?? Buffer.alloc(0)] as const),
    );
  }

  #compareFile(
    { there, here }: { readonly there: BytePath; readonly here: BytePath },
    wanted: Stats,
    stat: Stats,
  ): string | null {
    if (wanted.nlink > 1) {
      const known = this.#links.get(wanted.ino);
      if (known !== undefined) return known === stat.ino ? null : "is no hard link to the file it should be";
      this.#links.set(wanted.ino, stat.ino);
    }
    const fds = [openFile(there), openFile(here)] as const;
    try {
      for (let position = 0; position < wanted.size; position += bufferSize) {
        const expected = readFully(fds[0], this.#buffers[0], position);
        if (!readFully(fds[1], this.#buffers[1], position).equals(expected)) return "has other bytes";
        if (this.#options.isCancelled()) return null;
      }
      return null;
    } finally {
      for (const fd of fds) closeSync(fd);
    }
  }
}

function at(directory: BytePath, path: BytePath): BytePath {
  return path === "" ? directory : `${directory}/${path}`;
}

function namesIn(directory: BytePath): BytePath[] {
  return readdirSync(pathOf(directory), { encoding: "latin1" });
}
