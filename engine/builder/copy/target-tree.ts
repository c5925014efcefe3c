import { EngineError } from "../../errors.ts";
import { closeOpened, openBelow, resolve } from "../../host/file-calls.ts";
import {
  chmodOpen,
  chownOpen,
  type FileStatus,
  fileTypes,
  makeDirectoryAt,
  openAt,
  openFlags,
  readLinkAt,
  statusAt,
} from "../../host/tree-calls.ts";
import { removeTree } from "../../layers/remove-tree.ts";
import { type BytePath, bytePathOf, textOf } from "../../lib/byte-path.ts";
import type { Owner } from "./copy-owner.ts";
import { joined } from "./source-tree.ts";

export type NewDirectory = { readonly mode: number; readonly owner: Owner };

const maximumHops = 255;

/**
 * A root file system that nobody else changes. Real paths are relative to it, byte paths in which no name is a link. Links are followed as if it
 * were `/`; with `isLinked` never: what stands in the way of a directory is replaced.
 */
export class TargetTree implements Disposable {
  readonly fd: number;
  readonly #isLinked: boolean;
  /** What was made, for `isLinked`: nothing else counts as there. */
  readonly #made = new Set<BytePath>([""]);

  constructor(rootfs: string, isLinked: boolean) {
    this.fd = openAt(-100, bytePathOf(`${rootfs}/.`), openFlags.read | openFlags.directory);
    this.#isLinked = isLinked;
  }

  [Symbol.dispose](): void {
    closeOpened(this.fd);
  }

  /** What lies at a real path; with `isLinked` only what was made meanwhile. */
  status(real: BytePath): FileStatus | null {
    if (this.#isLinked && !this.#made.has(real)) return null;
    return statusAt(this.fd, real);
  }

  /** Where a path really leads: a link in the last place is followed, too, and what is missing keeps its names. */
  realPath(path: BytePath): BytePath {
    const real: BytePath[] = [];
    const names = path.split("/");
    for (let hops = 0; names.length > 0; ) {
      const name = names.shift() ?? "";
      if (name === "" || name === ".") continue;
      if (name === "..") real.pop();
      else real.push(name);
      const here = real.join("/");
      if (name === ".." || this.#isLinked || !isType(statusAt(this.fd, here), fileTypes.link)) continue;
      if (++hops > maximumHops) throw new EngineError("invalid-argument", `too many links in ${textOf(path)}`);
      const target = readLinkAt(this.fd, here);
      if (target.startsWith("/")) real.length = 0;
      else real.pop();
      names.unshift(...target.split("/"));
    }
    return real.join("/");
  }

  /** Makes what is missing of a real path. Gives false where all was there. Fails with `failed-precondition` where a file is in the way. */
  makeDirectories(real: BytePath, wanted: NewDirectory): boolean {
    let path = "";
    let hasMade = false;
    for (const name of real.split("/")) {
      if (name === "") continue;
      path = joined(path, name);
      const there = statusAt(this.fd, path);
      if (there !== null && !isType(there, fileTypes.directory)) {
        if (!this.#isLinked) throw new EngineError("failed-precondition", `mkdir /${textOf(path)}: not a directory`);
        this.remove(path);
      }
      if (this.#isLinked) this.#made.add(path);
      if (isType(there, fileTypes.directory)) continue;
      this.#makeDirectory(path, wanted);
      hasMade = true;
    }
    return hasMade;
  }

  /** Descriptor of the directory at a real path, to be closed by closeOpened(). */
  openDirectory(real: BytePath): number {
    const flags = openFlags.read | openFlags.directory;
    return openBelow(this.fd, real === "" ? "." : real, flags, resolve.beneath | resolve.noSymlinks);
  }

  remove(real: BytePath): void {
    const here = `/proc/self/fd/${this.fd}`;
    removeTree(`${here}/${real}`, here);
  }

  noteMade(real: BytePath): void {
    if (this.#isLinked) this.#made.add(real);
  }

  #makeDirectory(path: BytePath, { mode, owner }: NewDirectory): void {
    makeDirectoryAt(this.fd, path, 0o700);
    const fd = this.openDirectory(path);
    try {
      chownOpen(fd, owner);
      chmodOpen(fd, mode);
    } finally {
      closeOpened(fd);
    }
  }
}

export function isType(status: FileStatus | null, type: number): boolean {
  return status !== null && (status.mode & fileTypes.mask) === type;
}
