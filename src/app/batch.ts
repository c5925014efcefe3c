import type { Store } from "../store/store.ts";

/**
 * Collects what comes from the engine so that the screen is drawn at most five times a second: the first at once, the rest
 * together.
 */
export class Batch<Action> implements Disposable {
  readonly #store: Store<unknown, Action>;
  readonly #interval: number;
  #waiting: Action[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(store: Store<unknown, Action>, interval = 200) {
    this.#store = store;
    this.#interval = interval;
  }

  add(action: Action): void {
    this.#waiting.push(action);
    if (this.#timer !== null) return;
    // Items of one moment come in one turn of the loop: they make one frame.
    this.#timer = setTimeout(() => this.#flush(), 1);
  }

  #flush(): void {
    const actions = this.#waiting;
    this.#waiting = [];
    if (actions.length > 0) this.#store.dispatchAll(actions);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#waiting.length > 0) this.#flush();
    }, this.#interval);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#waiting = [];
  }
}
