import { type FSWatcher, watch } from "node:fs";

/** How often the end of the writer is asked for: nothing tells of it. */
const tick = 200;
/** How often a file that inotify is silent about is looked at all the same. */
const fallback = 5000;

export type GrowthOptions = { readonly ended: () => boolean; readonly signal: AbortSignal };

/**
 * Tells when a file may have grown. The watch is open only while somebody waits: a busy log would wake the engine for every write,
 * so its reader looks again after a pause instead (see log-chunks.ts).
 */
export class Growth implements Disposable {
  readonly #path: string;
  readonly #options: GrowthOptions;
  #watcher: FSWatcher | null = null;
  #changed = false;
  #wake: () => void = () => {};

  constructor(path: string, options: GrowthOptions) {
    this.#path = path;
    this.#options = options;
  }

  /**
   * Call when there was nothing to read. Begins to watch and returns, for what came in between must be read first; when watching
   * already, waits: for a change, the end of the writer, an abort, or a while; at the latest until `deadline` (as Date.now).
   */
  async armOrWait(deadline: number | null): Promise<void> {
    if (this.#watcher !== null || !this.#arm()) await this.#wait(deadline);
  }

  /** False without inotify (its limit is reached, or there is no file): waiting is then looking now and then. */
  #arm(): boolean {
    this.#changed = false;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, (event) => this.#notice(event));
      this.#watcher.on("error", () => this.#notice("rename"));
      return true;
    } catch {
      this.#watcher = null;
      return false;
    }
  }

  disarm(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }

  [Symbol.dispose](): void {
    this.disarm();
  }

  async #wait(deadline: number | null): Promise<void> {
    const { ended, signal } = this.#options;
    const patience = Math.min(
      Date.now() + (this.#watcher !== null ? fallback : tick),
      deadline ?? Number.POSITIVE_INFINITY,
    );
    const onAbort = () => this.#wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (!this.#changed && !signal.aborted && !ended() && Date.now() < patience) await this.#sleep();
      this.#changed = false;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** `rename`: the file was moved or removed, so the watch would go on with it and miss the one that takes its place. */
  #notice(event: "rename" | "change"): void {
    if (event === "rename") this.disarm();
    this.#changed = true;
    this.#wake();
  }

  async #sleep(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, tick);
    await promise;
    clearTimeout(timer);
  }
}
