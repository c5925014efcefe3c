/** What is to be taken away, and addresses that are free again only when nothing answers to them any more. */
export type Waste = {
  readonly token: string | null;
  readonly links: readonly string[];
  readonly addresses: readonly {
    readonly networkID: string;
    readonly ipv4: string | null;
    readonly ipv6: string | null;
  }[];
};

/** The next container of whoever just ended one has mostly started by then. */
const delay = 200;

/**
 * Sandboxes that nobody uses any more, taken away a moment later and several in one go: deleting a veth pair keeps the kernel busy for
 * 20 ms. What a crash leaves is swept at the next start.
 */
export class SandboxDisposal {
  readonly #destroy: (waste: readonly Waste[]) => Promise<void>;
  #waiting: Waste[] = [];
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();

  /** `destroy` must not fail. */
  constructor(destroy: (waste: readonly Waste[]) => Promise<void>) {
    this.#destroy = destroy;
  }

  add(one: Waste): void {
    this.#waiting.push(one);
    this.#timer ??= setTimeout(() => void this.flush(), delay).unref();
  }

  /** Takes all away now. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const waste = this.#waiting.splice(0);
    if (waste.length > 0) this.#running = this.#running.then(() => this.#destroy(waste));
    return this.#running;
  }
}
