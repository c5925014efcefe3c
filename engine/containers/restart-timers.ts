/** Restarts that wait for their pause to end. How long it is stands in the record. */
export class RestartTimers {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  schedule(id: string, delay: number, restart: () => void): void {
    this.cancel(id);
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

  cancelAll(): void {
    for (const id of [...this.#timers.keys()]) this.cancel(id);
  }
}
