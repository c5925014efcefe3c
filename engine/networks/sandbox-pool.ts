/** A netns of the stock: with a place on the default bridge, or with loopback and nothing else. */
export type ReadySandbox = { readonly token: string; readonly ipv4: string | null };

export type PoolOptions = {
  readonly size: () => number;
  /** Null: none can be made now, e.g. no address is left. */
  readonly create: () => Promise<ReadySandbox | null>;
  readonly onFailure: (error: unknown) => void;
};

/** A start that took a sandbox is over by then: to make the next one at once would slow that very start down. */
const refillDelay = 60;

/** Ready sandboxes, made in the background one at a time, so that a container's start does not wait for one. */
export class SandboxPool {
  readonly #options: PoolOptions;
  readonly #ready: ReadySandbox[] = [];
  #filling: Promise<void> | null = null;
  #refill: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** A ready one, or null: then the caller makes its own. */
  take(): ReadySandbox | null {
    return this.#ready.shift() ?? null;
  }

  /** Begins to make what is missing, if nobody does already. */
  fill(): void {
    if (this.#filling !== null || this.#isClosed) return;
    this.#filling = this.#fill().finally(() => {
      this.#filling = null;
    });
  }

  /** The same a moment later. */
  refill(): void {
    this.#refill ??= setTimeout(() => {
      this.#refill = null;
      this.fill();
    }, refillDelay).unref();
  }

  /** Resolves when filling that is under way has ended. */
  async settled(): Promise<void> {
    await this.#filling;
  }

  /** Gives back all that are ready and makes no more. */
  async close(): Promise<ReadySandbox[]> {
    this.#isClosed = true;
    if (this.#refill !== null) clearTimeout(this.#refill);
    await this.#filling;
    return this.#ready.splice(0);
  }

  async #fill(): Promise<void> {
    try {
      while (!this.#isClosed && this.#ready.length < this.#options.size()) {
        const sandbox = await this.#options.create();
        if (sandbox === null) return;
        this.#ready.push(sandbox);
      }
    } catch (error) {
      // The next container makes its own and fails with the reason, or succeeds.
      this.#options.onFailure(error);
    }
  }
}
