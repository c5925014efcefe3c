/** A list of functions to call with each value. One that throws is a bug of its own and stops nobody else. */
export class Listeners<T> {
  readonly #listeners = new Set<(value: T) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  /** Gives the function that takes the listener off again. */
  add(listener: (value: T) => void): () => void {
    // Wrapped, so that the same function added twice is called twice and each is taken off by itself.
    const own = (value: T) => listener(value);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  emit(value: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
