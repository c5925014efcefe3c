import { RestartBackoff } from "./restart-backoff.ts";

/** Restarts that wait for their pause to end. */
export class RestartTimers {
  readonly #backoff = new RestartBackoff();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  schedule(id: string, ranMilliseconds: number, restart: () => void): void {
    this.cancel(id);
    const delay = this.#backoff.next(id, ranMilliseconds);
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      restart();
    }, delay);
    this.#timers.set(id, timer);
  }

  cancel(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  /** A start by hand begins with the shortest pause again. */
  reset(id: string): void {
    this.cancel(id);
    this.#backoff.forget(id);
  }

  cancelAll(): void {
    for (const id of [...this.#timers.keys()]) this.cancel(id);
  }
}
