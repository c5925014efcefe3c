/**
 * Calls `work` at once, and then at most every `interval` milliseconds while it is asked for: the last request is always answered.
 * Costs no timer while nobody asks.
 */
export class Throttle implements Disposable {
  readonly #work: () => void;
  readonly #interval: number;
  #timer: NodeJS.Timeout | null = null;
  #asked = false;

  constructor(interval: number, work: () => void) {
    this.#interval = interval;
    this.#work = work;
  }

  ask(): void {
    if (this.#timer !== null) {
      this.#asked = true;
      return;
    }
    this.#run();
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#asked = false;
  }

  #run(): void {
    this.#asked = false;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#asked) this.#run();
    }, this.#interval);
    this.#work();
  }
}
