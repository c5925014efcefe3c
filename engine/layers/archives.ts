import type { PathStat } from "../protocol/archives.ts";
import type { PackTask, UnpackIntoTask } from "./archive-tasks.ts";
import { ArchiveWorkers } from "./archive-workers.ts";
import type { ViewSpec } from "./container-view.ts";
import type { AdoptTask, FillTask } from "./fill-tasks.ts";

/** A tar that is made while it is read, no faster. Ending the iteration ends the work. */
export type Archive = AsyncIterable<Uint8Array>;

/**
 * Tars of directories and of containers, made and unpacked by worker threads, which walk trees that hostile containers may change
 * meanwhile: nothing outside is ever read or written. Paths in tasks are byte paths.
 */
export interface Archives extends AsyncDisposable {
  pack(task: Omit<PackTask, "kind">, signal: AbortSignal): Archive;
  /**
   * A path of a container and what it is; entries begin with the last name of `path`. Fails with `not-found`. The archive has to be
   * iterated, or its iterator returned.
   */
  packPath(
    task: { readonly view: ViewSpec; readonly path: string; readonly followLink: boolean },
    signal: AbortSignal,
  ): Promise<{ readonly stat: PathStat; readonly archive: Archive }>;
  /** Links in the path are followed inside the container, but for the last. Fails with `not-found`. */
  stat(view: ViewSpec, path: string): Promise<PathStat>;
  /** Unpacks plain tar bytes below a directory of a container. Pieces are used up: their memory goes. What was written before a failure stays. */
  unpackInto(task: Omit<UnpackIntoTask, "kind">, tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** Copies a directory of a container into an empty one, or moves what was copied; see fill-tasks.ts. False where there is nothing. */
  fill(task: FillTask | AdoptTask, signal: AbortSignal): Promise<boolean>;
}

/** Bytes a message to a worker: of smaller ones, as HTTP brings them, each costs more than what it holds. */
const messageSize = 512 * 1024;

export function openArchives(): Archives {
  return new WorkerArchives();
}

class WorkerArchives implements Archives {
  readonly #workers = new ArchiveWorkers();

  async *pack(task: Omit<PackTask, "kind">, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    await using job = await this.#workers.start({ kind: "pack", ...task }, signal);
    yield* job.chunks();
  }

  async packPath(
    task: { readonly view: ViewSpec; readonly path: string; readonly followLink: boolean },
    signal: AbortSignal,
  ): Promise<{ stat: PathStat; archive: Archive }> {
    const job = await this.#workers.start({ kind: "pack-path", ...task }, signal);
    try {
      const stat = await job.stat();
      return { stat, archive: job.chunksThenEnd() };
    } catch (error) {
      await job[Symbol.asyncDispose]();
      throw error;
    }
  }

  async stat(view: ViewSpec, path: string): Promise<PathStat> {
    await using job = await this.#workers.start({ kind: "stat", view, path }, new AbortController().signal);
    return (await job.result()) as PathStat;
  }

  async unpackInto(
    task: Omit<UnpackIntoTask, "kind">,
    tar: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    await using job = await this.#workers.start({ kind: "unpack-into", ...task }, signal);
    let taken = job.ready();
    taken.catch(() => {});
    let pieces: Uint8Array[] = [];
    let size = 0;
    // The first goes at once: what is wrong with an archive mostly shows there. The next are collected while the worker writes the last one.
    let wanted = 1;
    const send = async () => {
      await taken;
      job.send(pieces);
      [pieces, size, wanted] = [[], 0, messageSize];
      taken = job.ready();
      taken.catch(() => {});
    };
    for await (const bytes of tar) {
      pieces.push(bytes);
      size += bytes.length;
      if (size >= wanted) await send();
    }
    if (size > 0) await send();
    await taken;
    job.send(null);
    await job.result();
  }

  async fill(task: FillTask | AdoptTask, signal: AbortSignal): Promise<boolean> {
    await using job = await this.#workers.start(task, signal);
    return (await job.result()) as boolean;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#workers[Symbol.asyncDispose]();
  }
}
