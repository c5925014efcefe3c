import { randomUUID } from "node:crypto";
import { EngineError } from "../errors.ts";
import type { Progress } from "../protocol/rpc.ts";
import type { Operation } from "../protocol/state.ts";

export type RunningOperation = { report(progress: Progress): void } & Disposable;

/** Long work under way, for every client's screen. An operation is over when it is disposed: hold it with `using`. */
export class Operations {
  readonly #running = new Map<string, Operation>();
  readonly #cancels = new Map<string, () => void>();
  readonly #listeners = new Set<() => void>();

  /** cancel: makes the work end soon with `cancelled`; left out where that cannot be. */
  begin(kind: string, title: string, cancel?: () => void): RunningOperation {
    const id = randomUUID();
    const startedAt = new Date().toISOString();
    if (cancel !== undefined) this.#cancels.set(id, cancel);
    this.#set(id, { id, kind, title, startedAt, isCancellable: cancel !== undefined, progress: null });
    return {
      report: (progress) => {
        const known = this.#running.get(id);
        if (known !== undefined) this.#set(id, { ...known, progress });
      },
      [Symbol.dispose]: () => {
        this.#running.delete(id);
        this.#cancels.delete(id);
        this.#notify();
      },
    };
  }

  /** Asks a work to end. `not-found` where it has ended, `failed-precondition` where it cannot be cancelled. */
  cancel(id: string): void {
    const operation = this.#running.get(id);
    if (operation === undefined) throw new EngineError("not-found", `no such operation: ${id.slice(0, 80)}`);
    const cancel = this.#cancels.get(id);
    if (cancel === undefined) throw new EngineError("failed-precondition", `${operation.title} cannot be cancelled`);
    cancel();
  }

  list(): Operation[] {
    return [...this.#running.values()];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #set(id: string, operation: Operation): void {
    this.#running.set(id, operation);
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
