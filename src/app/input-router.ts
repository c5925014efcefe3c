import { PassThrough } from "node:stream";
import type { ReadStream } from "node:tty";
import { type InputEvent, KeyDecoder } from "./key-decoder.ts";

/** How long an escape waits for the rest of its sequence, in milliseconds. */
const escapeDelay = 30;

/**
 * The only reader of the terminal. Bytes go to the dashboard as keys, or, while a shell has the screen, to it as they are.
 * Ink gets a stream that never says anything, so that it can neither swallow bytes nor change the terminal's mode.
 */
export class InputRouter implements Disposable {
  readonly proxy: ReadStream;
  readonly #stdin: ReadStream;
  readonly #onEvents: (events: readonly InputEvent[]) => void;
  #decoder = new KeyDecoder();
  #timer: NodeJS.Timeout | null = null;
  #taker: ((bytes: Buffer) => void) | null = null;

  constructor(stdin: ReadStream, onEvents: (events: readonly InputEvent[]) => void) {
    this.#stdin = stdin;
    this.#onEvents = onEvents;
    this.proxy = silentStream();
    stdin.setRawMode(true);
    stdin.on("data", this.#route);
    stdin.resume();
  }

  /** Gives all bytes to `taker` until the returned function is called. */
  divert(taker: (bytes: Buffer) => void): () => void {
    this.#cancelFlush();
    this.#decoder = new KeyDecoder();
    this.#taker = taker;
    return () => {
      this.#taker = null;
    };
  }

  /** After a stop and continue of the process the shell has set the terminal its own way. */
  reclaim(): void {
    this.#stdin.setRawMode(true);
  }

  [Symbol.dispose](): void {
    this.#cancelFlush();
    this.#stdin.off("data", this.#route);
    this.#stdin.pause();
    if (!this.#stdin.destroyed) this.#stdin.setRawMode(false);
    this.#stdin.unref();
  }

  readonly #route = (bytes: Buffer): void => {
    if (this.#taker !== null) {
      this.#taker(bytes);
      return;
    }
    this.#cancelFlush();
    const events = this.#decoder.push(bytes);
    if (events.length > 0) this.#onEvents(events);
    if (!this.#decoder.pending) return;
    this.#timer = setTimeout(() => {
      const rest = this.#decoder.flush();
      if (rest.length > 0) this.#onEvents(rest);
    }, escapeDelay);
  };

  #cancelFlush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function silentStream(): ReadStream {
  const stream = new PassThrough();
  const terminal = { isTTY: true, setRawMode: () => stream, ref: () => stream, unref: () => stream };
  // Ink asks of its stdin only what is given here; a ReadStream proper needs a file descriptor.
  return Object.assign(stream, terminal) as unknown as ReadStream;
}
