import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { messageOf } from "../errors.ts";
import { errnoOf } from "../host/errno.ts";
import type { Log } from "../log.ts";
import { dropOldest, finishRotation, rotateLog, type WrittenLog } from "./rotate-log.ts";

/** Milliseconds between two looks at a log that grows. */
const fastest = 20;
const slowest = 100;
/** A log that is full within these milliseconds is looked at again; any other one is left until it is written to. */
const horizon = 10_000;
/** Where something failed, or there is no log, or inotify has no more watches to give. */
const slowPause = 1000;

/**
 * Keeps one log within its limits while it is written. A silent log costs an inotify watch and nothing else. The first write ends the
 * watch, since a busy log would wake the engine for each line; from then on the file is looked at, the sooner the faster it grows, until
 * it grows slowly enough to be left to a watch again.
 */
export class LogWatch {
  readonly #log: WrittenLog;
  readonly #maxSize: number;
  readonly #onRotated: () => void;
  readonly #journal: Log;
  readonly #ended: Promise<void>;
  #isStopped = false;
  #isKept = true;
  #wake: () => void = () => {};
  /** Milliseconds from the first write to a look: the longer the more often it was found to grow slowly. */
  #patience = fastest;
  #dropping: Promise<void> = Promise.resolve();
  #dropsAgain = false;
  #size = 0;
  #lookedAt = performance.now();
  #failure = "";

  constructor(log: WrittenLog, options: { readonly journal: Log; readonly onRotated: () => void }) {
    this.#log = log;
    this.#maxSize = log.limits.maxSize ?? Number.POSITIVE_INFINITY;
    this.#journal = options.journal;
    this.#onRotated = options.onRotated;
    this.#ended = this.#run();
  }

  /** Resolves when the log's files are touched no more. One that `isKept` is within its limits then, if the disk lets it. */
  async stop(isKept = true): Promise<void> {
    this.#isStopped = true;
    this.#isKept = isKept;
    this.#wake();
    await this.#ended;
  }

  async #run(): Promise<void> {
    for (let pause: number | null = fastest; !this.#isStopped; pause = await this.#look()) {
      if (pause === null) pause = await this.#untilWritten();
      if (!this.#isStopped) await this.#sleep(pause);
    }
    if (this.#isKept) await this.#look();
    await this.#dropping;
  }

  /** Milliseconds until the next look; null: when it is written to. */
  async #look(): Promise<number | null> {
    try {
      const pause = await this.#keepWithin();
      this.#failure = "";
      return pause;
    } catch (error) {
      await this.#report(error);
      return slowPause;
    }
  }

  async #keepWithin(): Promise<number | null> {
    const size = await this.#currentSize();
    if (size === null) {
      await finishRotation(this.#log);
      this.#dropSoon();
      return slowPause;
    }
    const now = performance.now();
    const speed = Math.max(0, size - this.#size) / Math.max(1, now - this.#lookedAt);
    this.#lookedAt = now;
    this.#size = size;
    if (size >= this.#maxSize) {
      await rotateLog(this.#log);
      this.#dropSoon();
      this.#onRotated();
      this.#size = 0;
    }
    const room = this.#maxSize - this.#size;
    const isSlow = speed * horizon < room;
    this.#patience = isSlow ? Math.min(slowest, this.#patience * 2) : fastest;
    if (isSlow) return null;
    return Math.min(slowest, Math.max(fastest, room / (2 * speed)));
  }

  /** Beside the next looks: large files take long to go. */
  #dropSoon(): void {
    if (this.#dropsAgain) return;
    this.#dropsAgain = true;
    this.#dropping = this.#dropping.then(async () => {
      this.#dropsAgain = false;
      await dropOldest(this.#log).catch((error: unknown) => this.#report(error));
    });
  }

  /** On a full disk the oldest file goes before its time, so that the newest can be put aside. */
  async #report(error: unknown): Promise<void> {
    if (errnoOf(error) === "ENOSPC") {
      const { limits } = this.#log;
      const fewer = { ...this.#log, limits: { ...limits, maxFiles: Math.max(1, limits.maxFiles - 1) } };
      await dropOldest(fewer).catch(() => {});
    }
    const failure = messageOf(error);
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#journal.warning("a log could not be rotated: it is tried again", { path: this.#log.path, error });
  }

  /** Milliseconds to wait before a look is worth it. */
  async #untilWritten(): Promise<number> {
    const written = Promise.withResolvers<void>();
    using watcher = openWatch(this.#log.path, written.resolve);
    if (watcher === null) return slowPause;
    this.#wake = written.resolve;
    // Written to since it was looked at: no event will tell of that.
    if ((await this.#currentSize()) === this.#size && !this.#isStopped) await written.promise;
    return this.#patience;
  }

  async #currentSize(): Promise<number | null> {
    return stat(this.#log.path).then(
      ({ size }) => size,
      () => null,
    );
  }

  async #sleep(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, milliseconds);
    timer.unref();
    await promise;
    clearTimeout(timer);
  }
}

type Watch = Disposable & { readonly watcher: FSWatcher };

/** Null where there is no such file, or inotify has no more watches to give. */
function openWatch(path: string, onEvent: () => void): Watch | null {
  try {
    const watcher = watch(path, { persistent: false }, onEvent);
    watcher.on("error", onEvent);
    return { watcher, [Symbol.dispose]: () => watcher.close() };
  } catch {
    return null;
  }
}
