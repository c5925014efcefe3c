import type { Readable, Writable } from "node:stream";
import { channel } from "../../engine/protocol/constants.ts";
import { DetachScanner } from "../../engine/protocol/detach-scanner.ts";
import type { ByteStream } from "./streams.ts";

/** A terminal, or what stands in for one. */
export type SessionInput = Readable & { readonly isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };
export type SessionOutput = Writable & { readonly columns?: number; readonly rows?: number };

export type SessionOptions = {
  readonly stream: ByteStream;
  /** The process has a terminal: raw mode, sizes, detach keys. */
  readonly terminal: boolean;
  /** Null: stdin stays untouched. */
  readonly input: SessionInput | null;
  /** Null: dropped. Looked at when there is something to write, or for the size of the terminal. */
  readonly stdout: SessionOutput | null;
  readonly stderr: Writable | null;
  /** Bytes that detach; empty: none do. */
  readonly detachKeys: Buffer;
};

export type SessionEnd = { readonly detached: boolean; readonly exitCode: number | null };

/**
 * Joins our terminal or pipes to a byte stream. Made before the process starts, so that nothing is lost; `ended` resolves when
 * all output has been written or the user has detached. Disposing gives the terminal back in every case.
 */
export class TerminalSession implements Disposable {
  readonly ended: Promise<SessionEnd>;
  readonly #options: SessionOptions;
  readonly #scanner: DetachScanner;
  readonly #detached = Promise.withResolvers<SessionEnd>();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#scanner = new DetachScanner(options.terminal ? options.detachKeys : Buffer.alloc(0));
    options.stream.onOutput((number, bytes) => {
      const output = number === channel.stderr ? options.stderr : options.stdout;
      return output === null ? undefined : writeAll(output, bytes);
    });
    const ended = options.stream.ended.then(({ exitCode }) => ({ detached: false, exitCode }));
    this.ended = Promise.race([ended, this.#detached.promise]);
    // Whoever fails before waiting for the end has a better reason to tell.
    this.ended.catch(() => undefined);
    this.#takeTerminal();
    this.#takeInput();
  }

  /** Tells the process the size of our terminal. */
  resize(): void {
    if (!this.#options.terminal) return;
    const { stdout, stream } = this.#options;
    if (stdout?.rows && stdout.columns) stream.resize(stdout.rows, stdout.columns);
  }

  [Symbol.dispose](): void {
    const { input, terminal } = this.#options;
    if (terminal) this.#options.stdout?.off("resize", this.#onResize);
    if (input === null) return;
    input.off("data", this.#onData);
    input.off("end", this.#onEnd);
    input.off("error", this.#onEnd);
    if (this.#isRaw()) input.setRawMode?.(false);
  }

  #isRaw(): boolean {
    return this.#options.terminal && this.#options.input?.isTTY === true;
  }

  #takeTerminal(): void {
    if (!this.#options.terminal) return;
    this.resize();
    this.#options.stdout?.on("resize", this.#onResize);
    if (this.#isRaw()) this.#options.input?.setRawMode?.(true);
  }

  #takeInput(): void {
    const { input } = this.#options;
    if (input === null) return;
    input.on("data", this.#onData);
    input.on("end", this.#onEnd);
    // A stdin that cannot be read (closed, a directory) has no more to say.
    input.on("error", this.#onEnd);
    input.resume();
  }

  readonly #onResize = () => this.resize();

  readonly #onEnd = () => this.#options.stream.end();

  readonly #onData = (chunk: Buffer) => {
    const { input, stream } = this.#options;
    const { bytes, detached } = this.#scanner.feed(chunk);
    if (bytes.length > 0) {
      input?.pause();
      // A lost stream is told by its end.
      const resume = () => input?.resume();
      stream.write(bytes).then(resume, resume);
    }
    if (detached) {
      stream.detach();
      this.#detached.resolve({ detached: true, exitCode: null });
    }
  };
}

/** Undefined when there is room for more at once. */
function writeAll(output: Writable, bytes: Buffer): Promise<void> | undefined {
  if (output.write(bytes)) return undefined;
  return new Promise((resolve) => output.once("drain", resolve));
}
