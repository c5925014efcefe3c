import { EngineError } from "../errors.ts";

/** One work that several wait for and follow: it is aborted when the last of them gives up. */
export class SharedWork<Report, Result> {
  /** Settles with the work; never fails. */
  readonly ended: Promise<void>;
  readonly #abort = new AbortController();
  readonly #result: Promise<Result>;
  readonly #listeners = new Set<(report: Report) => void>();
  #newest: Report | null = null;

  constructor(run: (signal: AbortSignal, report: (report: Report) => void) => Promise<Result>) {
    this.#result = run(this.#abort.signal, (report) => {
      this.#newest = report;
      for (const listener of this.#listeners) listener(report);
    });
    this.ended = this.#result.then(
      () => {},
      () => {},
    );
  }

  /** True: everybody has left, and the work is ending. Nobody may join it any more. */
  get isAbandoned(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Waits for the work's result, or fails as the work does; with `cancelled` as soon as `signal` says so. */
  async join(signal: AbortSignal, onReport: (report: Report) => void): Promise<Result> {
    const left = Promise.withResolvers<never>();
    // Set per caller, even where two pass the same function.
    const listener = (report: Report): void => onReport(report);
    const leave = (): void => left.reject(new EngineError("cancelled", "cancelled"));
    this.#listeners.add(listener);
    if (this.#newest !== null) onReport(this.#newest);
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      return await Promise.race([this.#result, left.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) {
        this.#abort.abort();
        // Nobody is left to hear of it; but the last to leave waits until the work has put everything away.
        await this.ended;
      }
    }
  }
}
