import { EngineError } from "../errors.ts";

/** At most so many works at once; the others wait their turn, in the order they came. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves with a slot, given back when it is disposed. Fails with `cancelled`. */
  async take(signal: AbortSignal): Promise<Disposable> {
    if (signal.aborted) throw new EngineError("cancelled", "cancelled");
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (isTaken) this.#giveBack();
        isTaken = false;
      },
    };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = (): void => {
      const place = this.#waiting.indexOf(resolve);
      // It got its slot at this very moment.
      if (place === -1) return;
      this.#waiting.splice(place, 1);
      reject(new EngineError("cancelled", "cancelled"));
    };
    this.#waiting.push(resolve);
    signal.addEventListener("abort", cancel, { once: true });
    await promise.finally(() => signal.removeEventListener("abort", cancel));
  }

  #giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
