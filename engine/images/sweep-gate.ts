import { messageOf } from "../errors.ts";

/**
 * Keeps works that make bytes and the sweep that deletes bytes apart: a sweep runs only while nobody makes anything, and whoever
 * wants to make something waits for the sweep. So no sweep needs to know what is half made.
 */
export class SweepGate {
  readonly #sweep: () => Promise<void>;
  #holders = 0;
  #isWanted = false;
  #sweeping: Promise<void> | null = null;

  constructor(sweep: () => Promise<void>) {
    this.#sweep = sweep;
  }

  /** Runs `work` with no sweep beside it; what a failed work left is swept before its failure is told. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    while (this.#sweeping !== null) await this.#sweeping;
    this.#holders++;
    let isDone = false;
    try {
      const result = await work();
      isDone = true;
      return result;
    } finally {
      this.#holders--;
      if (!isDone) this.#isWanted = true;
      await this.#sweepIfIdle();
    }
  }

  /** Sweeps now, or as soon as nobody makes anything; in that case resolves at once. */
  async request(): Promise<void> {
    this.#isWanted = true;
    await this.#sweepIfIdle();
  }

  async #sweepIfIdle(): Promise<void> {
    while (this.#isWanted && this.#holders === 0) {
      if (this.#sweeping !== null) await this.#sweeping;
      else await this.#run();
    }
  }

  async #run(): Promise<void> {
    this.#isWanted = false;
    // A failed sweep hurts nobody: names are gone already, and the next sweep deletes the bytes.
    this.#sweeping = this.#sweep().catch((error) => process.emitWarning(`sweep of images: ${messageOf(error)}`));
    await this.#sweeping;
    this.#sweeping = null;
  }
}
