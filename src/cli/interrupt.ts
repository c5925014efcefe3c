const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * A long request ends with our connection, so leaving is all there is to do: with the code of a shell, which a caller that looks at the
 * process itself sees as well.
 */
export class Interruptible implements Disposable {
  readonly #leave = (signal: NodeJS.Signals): void => {
    if (process.stderr.isTTY) process.stderr.write("\n");
    process.exit(exitCodes[signal as keyof typeof exitCodes]);
  };

  constructor() {
    for (const signal of Object.keys(exitCodes)) process.on(signal as NodeJS.Signals, this.#leave);
  }

  [Symbol.dispose](): void {
    for (const signal of Object.keys(exitCodes)) process.off(signal as NodeJS.Signals, this.#leave);
  }
}
