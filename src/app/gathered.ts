/** Takes what comes one by one and tells it together: a screen shows no more often than that, and thousands come at once. */
export class Gathered<T> {
  readonly #milliseconds: number;
  readonly #tell: (items: T[]) => void;
  readonly #waiting: T[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(milliseconds: number, tell: (items: T[]) => void) {
    this.#milliseconds = milliseconds;
    this.#tell = tell;
  }

  add(item: T): void {
    this.#waiting.push(item);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#tell(this.#waiting.splice(0));
    }, this.#milliseconds);
  }

  /** What was not told yet never is. */
  drop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting.length = 0;
  }
}
