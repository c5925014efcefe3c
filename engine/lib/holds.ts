/**
 * Keeps names that someone works with apart from a sweep that deletes names, with both at work at the same time. Whoever makes or
 * uses a thing holds its name first and looks whether it is there afterwards; then the sweep either passes it by, or is waited for.
 */
export class Holds {
  readonly #counts = new Map<string, number>();
  readonly #deletions = new Map<string, Promise<unknown>>();
  /** For each sweep under way, names that were held at some time since it began: what it knows of the rest may be out of date. */
  readonly #sweeps = new Set<Set<string>>();

  /** Resolves when nothing deletes one of these names any more; they are held from the call on, until the hold is disposed. */
  async hold(names: readonly string[]): Promise<Disposable> {
    const held = [...new Set(names)];
    for (const name of held) {
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
      for (const seen of this.#sweeps) seen.add(name);
    }
    await Promise.all(held.map((name) => this.#deletions.get(name)?.catch(() => {})));
    return { [Symbol.dispose]: () => this.#release(held) };
  }

  isHeld(name: string): boolean {
    return this.#counts.has(name);
  }

  /**
   * Begins a sweep. What names the caller wants to keep has to be known at this moment, without an await between. The sweep's `drop`
   * runs `remove` unless the name was held since.
   */
  beginSweep(): Sweep {
    const seen = new Set(this.#counts.keys());
    this.#sweeps.add(seen);
    return {
      drop: async (name, remove) => {
        await this.#deletions.get(name)?.catch(() => {});
        if (seen.has(name)) return;
        const deletion = remove();
        this.#deletions.set(name, deletion);
        try {
          await deletion;
        } finally {
          this.#deletions.delete(name);
        }
      },
      [Symbol.dispose]: () => this.#sweeps.delete(seen),
    };
  }

  #release(names: readonly string[]): void {
    for (const name of names) {
      const left = (this.#counts.get(name) ?? 1) - 1;
      if (left === 0) this.#counts.delete(name);
      else this.#counts.set(name, left);
    }
  }
}

export type Sweep = { drop(name: string, remove: () => Promise<void>): Promise<void> } & Disposable;
