import { readlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { errnoError, errnoOf } from "../../host/errno.ts";
import { closeOpened, openBelow, resolve } from "../../host/file-calls.ts";
import { openAt, openFlags } from "../../host/tree-calls.ts";
import { WorkerPool } from "../../layers/worker-pool.ts";
import { bytePathOf } from "../../lib/byte-path.ts";
import { workerURL } from "../../lib/worker-url.ts";
import type { Owner } from "./copy-owner.ts";
import type { FilesTask, FilesTaskResults } from "./copy-tasks.ts";
import type { CopyDigest, CopyWish, CopyWork, FileCopier, SourceTree } from "./file-copier.ts";
import { TargetTree } from "./target-tree.ts";

/** Threads at work at once: more would only wait for the same disk. */
const defaultLimit = Math.min(8, Math.max(2, availableParallelism()));

export function openFileCopier(options: { readonly limit?: number } = {}): FileCopier {
  return new LocalFileCopier(options.limit ?? defaultLimit);
}

class LocalFileCopier implements FileCopier {
  readonly #pool: WorkerPool<FilesTask, FilesTaskResults>;

  constructor(limit: number) {
    this.#pool = new WorkerPool(limit, workerURL(import.meta.url, "copy-worker"));
  }

  warm(): void {
    // It may be closed meanwhile.
    this.#pool.run({ kind: "warm" }).catch(() => {});
  }

  digest(tree: SourceTree | null, wish: CopyWish, work: CopyWork): Promise<CopyDigest> {
    const counts = createCounts();
    return this.#pool.run({ kind: "digest", tree, wish, counts }, optionsOf(work, counts));
  }

  async copy(tree: SourceTree | null, wish: CopyWish, rootfs: string, work: CopyWork): Promise<void> {
    const counts = createCounts();
    const stamp = work.stamp ?? null;
    await this.#pool.run({ kind: "copy", tree, wish, rootfs, stamp, counts }, optionsOf(work, counts));
  }

  /** Short: a call a name. */
  async makeDirectory(rootfs: string, path: string, owner: Owner | null): Promise<boolean> {
    try {
      using target = new TargetTree(rootfs, false);
      const real = target.realPath(bytePathOf(path));
      return target.makeDirectories(real, { mode: 0o755, owner: owner ?? { uid: 0, gid: 0 } });
    } catch (error) {
      throw errnoError(`make directory ${path}`, error);
    }
  }

  async locate(directory: string, path: string): Promise<string | null> {
    const top = openAt(-100, bytePathOf(`${directory}/.`), openFlags.path | openFlags.directory);
    try {
      const fd = openBelow(top, bytePathOf(path), openFlags.path, resolve.inRoot | resolve.noMagicLinks);
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } finally {
        closeOpened(fd);
      }
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes(errnoOf(error) ?? "")) return null;
      throw errnoError(`look for ${path}`, error);
    } finally {
      closeOpened(top);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }
}

function createCounts(): BigInt64Array<SharedArrayBuffer> {
  return new BigInt64Array(new SharedArrayBuffer(16));
}

function optionsOf({ signal, onProgress }: CopyWork, counts: BigInt64Array<SharedArrayBuffer>) {
  if (onProgress === undefined) return { signal };
  return { signal, onProgress: () => onProgress(Number(Atomics.load(counts, 0)), Number(Atomics.load(counts, 1))) };
}
