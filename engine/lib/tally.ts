/** Counts names: one that was added twice is there until it was taken away twice. */
export class Tally {
  readonly #counts = new Map<string, number>();

  has(name: string): boolean {
    return this.#counts.has(name);
  }

  /** Taken away when what it gives is disposed. */
  add(name: string): Disposable {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    let isIn = true;
    return {
      [Symbol.dispose]: () => {
        if (isIn) this.#remove(name);
        isIn = false;
      },
    };
  }

  #remove(name: string): void {
    const left = (this.#counts.get(name) ?? 1) - 1;
    if (left === 0) this.#counts.delete(name);
    else this.#counts.set(name, left);
  }
}
