/** Signals that a foreground container gets in our place. */
const proxied = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"] as const;

/** Catches these signals until disposed. */
export class SignalProxy implements Disposable {
  readonly #listener: (signal: NodeJS.Signals) => void;

  constructor(onSignal: (signal: NodeJS.Signals) => void) {
    this.#listener = onSignal;
    for (const signal of proxied) process.on(signal, this.#listener);
  }

  [Symbol.dispose](): void {
    for (const signal of proxied) process.off(signal, this.#listener);
  }
}
