const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Name = keyof typeof exitCodes;

/** The first signal asks the build to end, the second leaves at once. */
export class BuildInterrupt implements Disposable {
  /** Code to exit with, once there was a signal. */
  exitCode: number | null = null;
  readonly #onFirst: () => void;
  readonly #listener = (signal: NodeJS.Signals): void => {
    const code = exitCodes[signal as Name];
    if (this.exitCode !== null) process.exit(code);
    this.exitCode = code;
    this.#onFirst();
  };

  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
    for (const signal of Object.keys(exitCodes)) process.on(signal as Name, this.#listener);
  }

  [Symbol.dispose](): void {
    for (const signal of Object.keys(exitCodes)) process.off(signal as Name, this.#listener);
  }
}
