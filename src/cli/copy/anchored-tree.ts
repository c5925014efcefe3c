import * as fs from "node:fs";
import { EngineError } from "../../../engine/errors.ts";

/** open(2); not among Node's constants. */
const pathOnly = 0o10000000;
const directoryFlags = pathOnly | fs.constants.O_DIRECTORY;

/**
 * A directory and what is below it, by names that lead nowhere else: each directory on the way is held open, so that nobody who may write
 * there can put a link in its place meanwhile. Names are text with a character a byte.
 */
export class AnchoredTree implements Disposable {
  readonly #root: number;
  /** The directories that lead to what was named last. */
  #chain: { readonly name: string; readonly descriptor: number }[] = [];

  /** A link to the directory itself is followed. */
  constructor(directory: string) {
    this.#root = fs.openSync(directory, directoryFlags);
  }

  /**
   * A path to a name (not empty), good until the next call: the directories before it are there, or are made. Fails with `corrupt` where
   * one of them is none, or a link.
   */
  place(parts: readonly string[]): Buffer {
    const parents = parts.slice(0, -1);
    const first = parents.findIndex((name, index) => this.#chain[index]?.name !== name);
    const common = first === -1 ? parents.length : first;
    for (const { descriptor } of this.#chain.splice(common)) fs.closeSync(descriptor);
    for (const [index, name] of parents.entries()) {
      if (index >= common) this.#enter(name, parts.slice(0, index + 1));
    }
    return below(this.#current, parts.at(-1) ?? "");
  }

  get #current(): number {
    return this.#chain.at(-1)?.descriptor ?? this.#root;
  }

  #enter(name: string, parts: readonly string[]): void {
    const path = below(this.#current, name);
    if (fs.lstatSync(path, { throwIfNoEntry: false }) === undefined) fs.mkdirSync(path);
    try {
      const descriptor = fs.openSync(path, directoryFlags | fs.constants.O_NOFOLLOW);
      this.#chain.push({ name, descriptor });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOTDIR" && code !== "ELOOP") throw error;
      const shown = Buffer.from(parts.join("/"), "latin1").toString();
      throw new EngineError("corrupt", `it would be written through ${shown}, no directory`);
    }
  }

  [Symbol.dispose](): void {
    for (const { descriptor } of this.#chain.splice(0)) fs.closeSync(descriptor);
    fs.closeSync(this.#root);
  }
}

/** By the process's number, not `self`: other programs get these paths as well. */
function below(descriptor: number, name: string): Buffer {
  return Buffer.concat([Buffer.from(`/proc/${process.pid}/fd/${descriptor}/`), Buffer.from(name, "latin1")]);
}

/** Sets the mode of a directory, and never that of what a link leads to. */
export function changeDirectoryMode(path: Buffer, mode: number): void {
  const descriptor = fs.openSync(path, directoryFlags | fs.constants.O_NOFOLLOW);
  try {
    fs.chmodSync(`/proc/self/fd/${descriptor}`, mode);
  } finally {
    fs.closeSync(descriptor);
  }
}
