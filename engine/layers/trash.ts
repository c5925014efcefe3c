import { randomUUID } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { errnoError, errnoOf } from "../host/errno.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import type { WorkerPool } from "./worker-pool.ts";

const newPrefix = ".new-";
const gonePrefix = ".gone-";
/** Whoever took a name away does something next: the bytes, and the start of a worker for them, come after that. */
const delay = 300;

/**
 * Names within one directory of the store. What is being made bears a `.new-` name until it is whole, what is being removed a `.gone-`
 * name until its last byte is: a crash leaves only these, and they are swept at the next open.
 */
export class Trash {
  readonly #directory: string;
  readonly #pool: WorkerPool;

  constructor(directory: string, pool: WorkerPool) {
    this.#directory = directory;
    this.#pool = pool;
  }

  /** A path for something that is being made. */
  newPath(): string {
    return join(this.#directory, `${newPrefix}${randomUUID()}`);
  }

  /**
   * Takes a name away at once; resolves when the name is gone, the bytes follow once `released` is settled. A success if it is
   * not there.
   */
  async discard(path: string, released: Promise<void> = Promise.resolve()): Promise<void> {
    const gone = join(this.#directory, `${gonePrefix}${randomUUID()}`);
    try {
      await rename(path, gone);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      throw errnoError(`remove ${path}`, error);
    }
    // A failure is no loss, nor is an end of the engine before the time: the next open tries again.
    const destroy = () => void this.destroy(gone).catch(() => {});
    void released.then(() => setTimeout(destroy, delay).unref()).catch(() => {});
  }

  /** Gives the name of something that goes to something else, done when it returns. */
  replaceSync(path: string, by: string): void {
    const gone = join(this.#directory, `${gonePrefix}${randomUUID()}`);
    renameSync(path, gone);
    renameSync(by, path);
    setTimeout(() => void this.destroy(gone).catch(() => {}), delay).unref();
  }

  /** Removes a path that has no name of its own any more, or never had one. */
  async destroy(path: string): Promise<void> {
    if (!existsSync(path)) return;
    await this.#pool.run({ kind: "remove", path: bytePathOf(path), parking: bytePathOf(this.#directory) });
  }

  /** Removes in the background what a crash left. Gives the other names. */
  async sweep(): Promise<string[]> {
    const names = await readdir(this.#directory);
    const isLeftover = (name: string) => name.startsWith(newPrefix) || name.startsWith(gonePrefix);
    for (const name of names.filter(isLeftover)) void this.destroy(join(this.#directory, name)).catch(() => {});
    return names.filter((name) => !isLeftover(name));
  }
}
