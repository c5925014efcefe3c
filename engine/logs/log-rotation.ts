import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { LogWatch } from "./log-watch.ts";
import { compressRotated, sweepLog, type WrittenLog } from "./rotate-log.ts";

/** Milliseconds a rotated file rests before it is compressed: a busy log drops it before that is worth the work. */
const restBefore = 5_000;

export type LogRotationOptions = { readonly log: Log; readonly compressAfter?: number };

/**
 * Keeps the logs of running containers within their limits, and compresses what was put aside, one file at a time. Everything it needs to
 * know stands in the files' names: it may die anywhere, and the next one goes on.
 */
export class LogRotation implements AsyncDisposable {
  readonly #journal: Log;
  readonly #compressAfter: number;
  readonly #watched = new Map<string, LogWatch>();
  /** Logs with files to compress. */
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #packing = new Map<string, { readonly abort: AbortController; readonly ended: Promise<void> }>();
  #turn: Promise<void> = Promise.resolve();

  constructor({ log, compressAfter = restBefore }: LogRotationOptions) {
    this.#journal = log;
    this.#compressAfter = compressAfter;
  }

  /** Begins to watch the log of a container that runs. Returns at once; a log without limits is left alone. */
  watch(id: string, log: WrittenLog): void {
    if (log.limits.maxSize === null || this.#watched.has(id)) return;
    const onRotated = () => this.#compressSoon(id, log);
    this.#watched.set(id, new LogWatch(log, { journal: this.#journal, onRotated }));
  }

  /** The container has ended. Resolves when its log is within its limits. */
  async unwatch(id: string): Promise<void> {
    await this.#stopWatching(id, true);
  }

  async #stopWatching(id: string, isKept: boolean): Promise<void> {
    const watched = this.#watched.get(id);
    this.#watched.delete(id);
    await watched?.stop(isKept);
  }

  /** The container is removed: resolves when nothing touches its files. */
  async release(id: string): Promise<void> {
    await this.#stopWatching(id, false);
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const packing = this.#packing.get(id);
    packing?.abort.abort();
    await packing?.ended;
  }

  /** Finishes what an earlier engine left undone at a log, some time soon. */
  tidy(id: string, log: WrittenLog): void {
    this.#inTurn(id, async (signal) => {
      await sweepLog(log.path, log.conmonPid !== null);
      if (!signal.aborted && (await compressRotated(log, this.#compressAfter, signal))) this.#compressSoon(id, log);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ids = [...this.#watched.keys(), ...this.#packing.keys(), ...this.#timers.keys()];
    await Promise.all(ids.map((id) => this.release(id)));
  }

  #compressSoon(id: string, log: WrittenLog): void {
    if (!log.limits.compress || this.#timers.has(id)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      // Whoever is at it may have looked already.
      if (this.#packing.has(id)) {
        this.#compressSoon(id, log);
        return;
      }
      this.#inTurn(id, async (signal) => {
        if (await compressRotated(log, this.#compressAfter, signal)) this.#compressSoon(id, log);
      });
    }, this.#compressAfter);
    this.#timers.set(id, timer.unref());
  }

  /** One log at a time, so that many do not take the processors from the containers. */
  #inTurn(id: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#packing.has(id)) return;
    const abort = new AbortController();
    const ended = this.#turn.then(async () => {
      try {
        if (!abort.signal.aborted) await work(abort.signal);
      } catch (error) {
        if (!abort.signal.aborted) {
          this.#journal.warning(`rotated logs could not be compressed: ${messageOf(error)}`, { id, error });
        }
      } finally {
        this.#packing.delete(id);
      }
    });
    this.#packing.set(id, { abort, ended });
    this.#turn = ended;
  }
}
