import { EngineError } from "../errors.ts";
import type { WaitCondition } from "./container-service.ts";

type Waiter = {
  readonly condition: WaitCondition;
  readonly settle: (exitCode: number) => void;
  readonly fail: (error: EngineError) => void;
};

/** Those who wait for a container to end or to go. */
export class Waiters {
  readonly #waiters = new Map<string, Set<Waiter>>();

  /** Fails with `cancelled` when the signal aborts. */
  wait(id: string, condition: WaitCondition, signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(id) ?? new Set();
      this.#waiters.set(id, waiters);
      const leave = () => {
        waiters.delete(waiter);
        signal.removeEventListener("abort", onAbort);
      };
      const onAbort = () => {
        leave();
        reject(new EngineError("cancelled", `waiting for container ${id.slice(0, 12)} was cancelled`));
      };
      const waiter: Waiter = {
        condition,
        settle: (exitCode) => {
          leave();
          resolve(exitCode);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      waiters.add(waiter);
    });
  }

  exited(id: string, exitCode: number): void {
    this.#each(id, (waiter) => waiter.condition === "next-exit" && waiter.settle(exitCode));
  }

  /** Ended, and no restart comes. */
  stopped(id: string, exitCode: number): void {
    this.#each(id, (waiter) => waiter.condition !== "removed" && waiter.settle(exitCode));
  }

  removed(id: string, exitCode: number): void {
    this.#each(id, (waiter) => waiter.settle(exitCode));
    this.#waiters.delete(id);
  }

  /** A start failed: nobody will see its exit. */
  startFailed(id: string, error: EngineError): void {
    this.#each(id, (waiter) => waiter.condition === "next-exit" && waiter.fail(error));
  }

  #each(id: string, visit: (waiter: Waiter) => unknown): void {
    for (const waiter of [...(this.#waiters.get(id) ?? [])]) visit(waiter);
  }
}
