import { Throttle } from "../lib/throttle.ts";
import type { Progress } from "../protocol/rpc.ts";

const interval = 100;

/** Passes on the newest progress ten times a second: readers of chunks report far more often. */
export class ProgressReporter implements Disposable {
  readonly #throttle: Throttle;
  #newest: Progress | null = null;

  constructor(sink: (progress: Progress) => void) {
    this.#throttle = new Throttle(interval, () => {
      if (this.#newest !== null) sink(this.#newest);
    });
  }

  report(phase: string, object: string, bytes: { readonly current: number; readonly total: number | null }): void {
    this.#newest = { phase, object, ...bytes, unit: "bytes" };
    this.#throttle.ask();
  }

  [Symbol.dispose](): void {
    this.#throttle[Symbol.dispose]();
  }
}
