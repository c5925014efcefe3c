import { messageOf } from "../errors.ts";
import { Batched } from "../lib/batched.ts";

/** Runs a sweep when it is asked for, one at a time: who asks while one runs gets another one, since that one may have passed already. */
export class Sweeper {
  readonly #sweeps: Batched;
  /** Sweeps begun so far. */
  count = 0;

  constructor(sweep: () => Promise<void>) {
    this.#sweeps = new Batched(() => {
      this.count++;
      return sweep();
    });
  }

  /** Resolves when none goes on. */
  idle(): Promise<void> {
    return this.#sweeps.idle();
  }

  /** Resolves when a sweep that began after this call has ended. Never fails. */
  async request(): Promise<void> {
    try {
      await this.#sweeps.request();
    } catch (error) {
      // A failed sweep hurts nobody: names are gone already, and the next sweep deletes the bytes.
      process.emitWarning(`sweep of images: ${messageOf(error)}`);
    }
  }
}
