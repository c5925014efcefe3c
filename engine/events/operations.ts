import { randomUUID } from "node:crypto";
import type { Progress } from "../protocol/rpc.ts";
import type { Operation } from "../protocol/state.ts";

export type RunningOperation = { report(progress: Progress): void } & Disposable;

/** Long work under way, for every client's screen. An operation is over when it is disposed: hold it with `using`. */
export class Operations {
  readonly #running = new Map<string, Operation>();
  readonly #listeners = new Set<() => void>();

  begin(kind: string, title: string): RunningOperation {
    const id = randomUUID();
    this.#set(id, { id, kind, title, startedAt: new Date().toISOString(), progress: null });
    return {
      report: (progress) => {
        const known = this.#running.get(id);
        if (known !== undefined) this.#set(id, { ...known, progress });
      },
      [Symbol.dispose]: () => {
        this.#running.delete(id);
        this.#notify();
      },
    };
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
