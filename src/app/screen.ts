import { PassThrough } from "node:stream";
import type { ReadStream, WriteStream } from "node:tty";
import type { Instance } from "ink";
import { InputRouter } from "./input-router.ts";
import type { InputEvent } from "./key-decoder.ts";
import type { Size } from "./layout.ts";
import { afterProgramSequence, dashboardModesOff, dashboardModesOn } from "./terminal-guard.ts";

/** The terminal while a program has all of it: what is typed, raw, and where to write. */
export type Loan = { readonly input: PassThrough; readonly output: WriteStream };

type Suspend = (callback: () => Promise<void>) => Promise<void>;

/** What the dashboard does with the terminal besides drawing on it. */
export class Screen implements Disposable {
  readonly #stdout: WriteStream;
  readonly #router: InputRouter;
  readonly #onResize: () => void;
  readonly #sizeListeners = new Set<() => void>();
  #instance: Instance | null = null;
  #suspend: Suspend | null = null;
  #size: Size;
  #lent = false;

  constructor(stdin: ReadStream, stdout: WriteStream, onEvents: (events: readonly InputEvent[]) => void) {
    this.#stdout = stdout;
    this.#size = { columns: stdout.columns, rows: stdout.rows };
    this.#router = new InputRouter(stdin, onEvents);
    this.#onResize = () => {
      this.#size = { columns: stdout.columns, rows: stdout.rows };
      for (const listener of this.#sizeListeners) listener();
    };
    stdout.on("resize", this.#onResize);
    stdout.write(dashboardModesOn);
  }

  get proxyInput(): ReadStream {
    return this.#router.proxy;
  }

  size(): Size {
    return this.#size;
  }

  onResize(listener: () => void): () => void {
    this.#sizeListeners.add(listener);
    return () => this.#sizeListeners.delete(listener);
  }

  setInstance(instance: Instance): void {
    this.#instance = instance;
  }

  /** Ink's own way to give the terminal away; it is only to be had inside the tree. */
  setSuspend(suspend: Suspend): void {
    this.#suspend = suspend;
  }

  /** True while a program has the terminal. */
  get lent(): boolean {
    return this.#lent;
  }

  /** Clears whatever stands there and makes Ink draw all of the next frame. */
  wipe(): void {
    if (this.#lent) return;
    // From the last row, since Ink erases upwards from where it believes to be.
    this.#stdout.write(`\u001b[0m\u001b[2J\u001b[${this.#size.rows};1H`);
    this.#instance?.clear();
  }

  /** After a stop and continue: the shell has set the terminal its own way. */
  reclaim(): void {
    if (this.#lent) return;
    this.#router.reclaim();
    this.#stdout.write(`\u001b[?1049h\u001b[?25l${dashboardModesOn}`);
    this.wipe();
  }

  /** Puts text on the clipboard of the terminal's own machine (OSC 52). */
  copy(text: string): void {
    this.#stdout.write(`\u001b]52;c;${Buffer.from(text).toString("base64")}\u0007`);
  }

  /** Gives the whole terminal to a program and takes it back when `run` ends, however it ends. */
  async lend(run: (loan: Loan) => Promise<void>): Promise<void> {
    const suspend = this.#suspend;
    if (suspend === null || this.#lent) return;
    this.#lent = true;
    const input = new PassThrough();
    try {
      await suspend(async () => {
        const giveBack = this.#router.divert((bytes) => input.write(bytes));
        try {
          this.#stdout.write(dashboardModesOff);
          await run({ input, output: this.#stdout });
        } finally {
          giveBack();
          this.#stdout.write(afterProgramSequence);
        }
      });
    } finally {
      input.destroy();
      this.#lent = false;
      this.#stdout.write(dashboardModesOn);
    }
  }

  [Symbol.dispose](): void {
    this.#stdout.off("resize", this.#onResize);
    this.#router[Symbol.dispose]();
  }
}
