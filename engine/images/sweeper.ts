import { messageOf } from "../errors.ts";

/** Runs a sweep when it is asked for, one at a time: who asks while one runs gets another one, since that one may have passed already. */
export class Sweeper {
  readonly #sweep: () => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  constructor(sweep: () => Promise<void>) {
    this.#sweep = sweep;
  }

  /** Resolves when a sweep that began after this call has ended. Never fails. */
  request(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      this.#running = this.#run();
      return this.#running;
    });
    return this.#next;
  }

  async #run(): Promise<void> {
    try {
      await this.#sweep();
    } catch (error) {
      // A failed sweep hurts nobody: names are gone already, and the next sweep deletes the bytes.
      process.emitWarning(`sweep of images: ${messageOf(error)}`);
    }
  }
}
