import type { Stats } from "node:fs";
import type { BytePath } from "../lib/byte-path.ts";
import type { FileChange } from "../protocol/containers.ts";

/** Gets what a walk finds, parents before children; false ends the walk. */
export type Visit = (path: BytePath, kind: FileChange["kind"], stat: Stats) => boolean;

type Pending = { readonly path: BytePath; readonly stat: Stats; heldMountPoint: boolean };

/**
 * Leaves out what the engine and not the container changed: empty mount points, and the directories that count as changed only because
 * one was made in them. docker has these in a layer of their own.
 */
export class ChangeFilter {
  readonly #mountPoints: ReadonlySet<BytePath>;
  readonly #parents: ReadonlySet<BytePath>;
  readonly #visit: Visit;
  /** Changed directories, outermost first, of which it is not known yet whether something in them was changed. */
  readonly #pending: Pending[] = [];

  /** `mountPoints`: relative to the top. */
  constructor(mountPoints: readonly BytePath[], visit: Visit) {
    this.#mountPoints = new Set(mountPoints);
    this.#parents = new Set(mountPoints.flatMap(parentsOf));
    this.#visit = visit;
  }

  readonly visit: Visit = (path, kind, stat) => {
    if (!this.#leave(path)) return false;
    if (this.#isMountPoint(path, kind, stat)) {
      for (const parent of this.#pending) parent.heldMountPoint = true;
      return true;
    }
    if (kind === "changed" && this.#parents.has(path) && stat.isDirectory()) {
      this.#pending.push({ path, stat, heldMountPoint: false });
      return true;
    }
    return this.#tell(this.#pending.splice(0)) && this.#visit(path, kind, stat);
  };

  /** After the last visit. */
  finish(): boolean {
    return this.#leave("");
  }

  /** Decides on the directories that `path` is not in. */
  #leave(path: BytePath): boolean {
    const left = this.#pending.findIndex((parent) => !path.startsWith(`${parent.path}/`));
    if (left === -1) return true;
    // One that held a mount point held nothing else. Where an inner one is told, those around it are as well.
    const gone = this.#pending.splice(left);
    const last = gone.findLastIndex((parent) => !parent.heldMountPoint);
    return last === -1 || this.#tell([...this.#pending.splice(0), ...gone.slice(0, last + 1)]);
  }

  #tell(directories: readonly Pending[]): boolean {
    return directories.every(({ path, stat }) => this.#visit(path, "changed", stat));
  }

  #isMountPoint(path: BytePath, kind: FileChange["kind"], stat: Stats): boolean {
    return this.#mountPoints.has(path) && kind !== "deleted" && (!stat.isFile() || stat.size === 0);
  }
}

/** `a/b/c` gives `a` and `a/b`. */
export function parentsOf(path: BytePath): BytePath[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
