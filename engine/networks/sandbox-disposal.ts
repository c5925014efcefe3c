import type { Sandbox } from "./sandbox.ts";

/** The next container of whoever just ended one has mostly started by then. */
const delay = 200;

/**
 * Sandboxes that nobody uses any more, taken away a moment later and several in one go: deleting a veth pair keeps the kernel busy for
 * 20 ms. What a crash leaves is swept at the next start.
 */
export class SandboxDisposal {
  readonly #destroy: (sandboxes: readonly Sandbox[]) => Promise<void>;
  #waiting: Sandbox[] = [];
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();

  /** `destroy` must not fail. */
  constructor(destroy: (sandboxes: readonly Sandbox[]) => Promise<void>) {
    this.#destroy = destroy;
  }

  add(sandbox: Sandbox): void {
    this.#waiting.push(sandbox);
    this.#timer ??= setTimeout(() => void this.flush(), delay).unref();
  }

  /** Takes all away now. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const sandboxes = this.#waiting.splice(0);
    if (sandboxes.length > 0) this.#running = this.#running.then(() => this.#destroy(sandboxes));
    return this.#running;
  }
}
