/**
 * Watches what is typed for the keys that detach. Keys that may be the beginning of the sequence are held back until it is clear
 * that they are not.
 */
export class DetachScanner {
  readonly #keys: Buffer;
  #held = 0;

  /** Empty keys: nothing detaches. */
  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** What to pass on, and whether the sequence is complete; what follows it in `chunk` is dropped. */
  feed(chunk: Buffer): { readonly bytes: Buffer; readonly detached: boolean } {
    if (this.#keys.length === 0) return { bytes: chunk, detached: false };
    const passed: number[] = [];
    for (const byte of chunk) {
      this.#take(byte, passed);
      if (this.#held === this.#keys.length) return { bytes: Buffer.from(passed), detached: true };
    }
    return { bytes: Buffer.from(passed), detached: false };
  }

  #take(byte: number, passed: number[]): void {
    const window = [...this.#keys.subarray(0, this.#held), byte];
    // Drop from the front until the rest is a beginning of the sequence again.
    while (window.length > 0 && !window.every((key, index) => key === this.#keys[index])) {
      passed.push(window[0] ?? 0);
      window.shift();
    }
    this.#held = window.length;
  }
}
