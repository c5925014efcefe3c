import type { Store } from "../store/store.ts";

export type BatchOptions<Action> = {
  /** Milliseconds between two frames. */
  readonly interval?: number;
  /** What may wait up to `patience` milliseconds for something else to be drawn with. */
  readonly isPatient?: (action: Action) => boolean;
  readonly patience?: number;
};

/**
 * Collects what comes from the engine so that the screen is drawn at most five times a second: the first at once, the rest
 * together. Samples come once a second and so do lines of many a log: those share a frame.
 */
export class Batch<Action> implements Disposable {
  readonly #store: Store<unknown, Action>;
  readonly #options: Required<BatchOptions<Action>>;
  #waiting: Action[] = [];
  #timer: NodeJS.Timeout | null = null;
  #isPatient = false;

  constructor(store: Store<unknown, Action>, options: BatchOptions<Action> = {}) {
    this.#store = store;
    this.#options = { interval: 200, isPatient: () => false, patience: 600, ...options };
  }

  add(action: Action): void {
    this.#waiting.push(action);
    const isPatient = this.#options.isPatient(action);
    if (this.#timer !== null && (isPatient || !this.#isPatient)) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#isPatient = isPatient;
    // Items of one moment come in one turn of the loop: they make one frame.
    this.#timer = setTimeout(() => this.#flush(), isPatient ? this.#options.patience : 1);
  }

  #flush(): void {
    const actions = this.#waiting;
    this.#waiting = [];
    this.#isPatient = false;
    if (actions.length > 0) this.#store.dispatchAll(actions);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#waiting.length > 0) this.#flush();
    }, this.#options.interval);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#waiting = [];
  }
}
