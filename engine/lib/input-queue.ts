/** How its source is held back and let go on. */
export type InputSource = {
  readonly isPaused: () => boolean;
  readonly pause: () => void;
  readonly resume: () => void;
};

/** More than this not yet taken by the reader: the source is held back. */
const highWaterBytes = 256 * 1024;

/** Bytes that come whenever they like and are read one piece after the other. */
export class InputQueue {
  readonly #source: InputSource;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #hasEnded = false;
  #wake: (() => void) | null = null;

  constructor(source: InputSource) {
    this.#source = source;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  push(bytes: Buffer): void {
    if (this.#hasEnded) return;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > highWaterBytes) this.#source.pause();
    this.#wake?.();
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  /** What came and comes until the end. One reader at a time; the next goes on where the last one left. */
  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        if (this.#bytes <= highWaterBytes / 2 && this.#source.isPaused()) this.#source.resume();
        yield chunk;
      } else if (this.#hasEnded) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
