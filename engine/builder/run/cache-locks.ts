import { EngineError } from "../../errors.ts";

type Use = { readonly isShared: boolean; readonly begin: () => void };
type Slot = { users: number; isShared: boolean; readonly waiting: Use[] };

/** Who uses which name now: several together, or one alone. In the order they came, so that nobody waits for ever. */
export class CacheLocks {
  readonly #slots = new Map<string, Slot>();

  isTaken(name: string): boolean {
    return this.#slots.has(name);
  }

  /** Null where somebody is in the way. */
  tryTake(name: string, isShared: boolean): Disposable | null {
    const slot = this.#slots.get(name) ?? { users: 0, isShared, waiting: [] };
    const isFree = slot.users === 0 || (isShared && slot.isShared && slot.waiting.length === 0);
    if (!isFree) return null;
    this.#slots.set(name, slot);
    slot.users += 1;
    slot.isShared = isShared;
    return this.#holdOf(name);
  }

  /** Waits for who is in the way. Fails with `cancelled`. */
  async take(name: string, isShared: boolean, signal: AbortSignal): Promise<Disposable> {
    const taken = this.tryTake(name, isShared);
    if (taken !== null) return taken;
    const waiting = this.#slots.get(name)?.waiting ?? [];
    const { promise, resolve, reject } = Promise.withResolvers<Disposable>();
    const use: Use = { isShared, begin: () => resolve(this.#holdOf(name)) };
    waiting.push(use);
    const stop = () => {
      const index = waiting.indexOf(use);
      if (index === -1) return;
      waiting.splice(index, 1);
      // It may have been in the way of those behind it.
      this.#next(name);
      reject(new EngineError("cancelled", "waiting for a cache mount was cancelled"));
    };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #holdOf(name: string): Disposable {
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        const slot = this.#slots.get(name);
        if (!isHeld || slot === undefined) return;
        isHeld = false;
        slot.users -= 1;
        this.#next(name);
      },
    };
  }

  #next(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) return;
    for (let use = slot.waiting[0]; use !== undefined; use = slot.waiting[0]) {
      if (slot.users > 0 && !(use.isShared && slot.isShared)) return;
      slot.waiting.shift();
      slot.users += 1;
      slot.isShared = use.isShared;
      use.begin();
    }
    if (slot.users === 0) this.#slots.delete(name);
  }
}
