import { EngineError } from "../errors.ts";
import type { DiffID } from "../oci/digest.ts";

export type UnpackTurn<T> = {
  /** What is there already, or null. */
  readonly find: () => T | null;
  readonly unpack: () => Promise<T>;
};

/** Several who want to unpack one layer at the same time: one does, the others wait for it. */
export class UnpackTurns {
  readonly #running = new Map<DiffID, Promise<unknown>>();

  /** Fails as the work does; with `cancelled` while it waits for another's. */
  async take<T>(diffID: DiffID, signal: AbortSignal, { find, unpack }: UnpackTurn<T>): Promise<T> {
    for (;;) {
      throwIfAborted(signal);
      const known = find();
      if (known !== null) return known;
      const running = this.#running.get(diffID);
      if (running === undefined) break;
      // If that one fails or is cancelled, this caller has a source of its own.
      await orAborted(running, signal);
    }
    const work = unpack();
    const ended = work.catch(() => {}).finally(() => this.#running.delete(diffID));
    this.#running.set(diffID, ended);
    return await work;
  }
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new EngineError("cancelled", "unpack layer: cancelled");
}

async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  signal.addEventListener("abort", wake, { once: true });
  await Promise.race([work, promise]);
  signal.removeEventListener("abort", wake);
  throwIfAborted(signal);
}
