/** Runs a work for all who ask: who asks while it runs gets the next run, together with everybody else who asked meanwhile. */
export class Batched {
  readonly #work: () => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when nothing runs and nothing was asked for. */
  async idle(): Promise<void> {
    for (let last: Promise<void> | null = null; this.#next !== null || last !== this.#running; ) {
      last = this.#running;
      await (this.#next ?? last).catch(() => {});
    }
  }

  /** Resolves when a run that began after this call has ended, or fails as that run does. */
  request(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      const run = this.#work();
      this.#running = run.catch(() => {});
      return run;
    });
    return this.#next;
  }
}
