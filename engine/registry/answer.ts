import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { EngineError } from "../errors.ts";
import { connectionFailure, RegistryFailure } from "./failures.ts";
import { cancelled } from "./retry.ts";

export type AnswerOptions = {
  /** Who answers, for messages: `registry 10.0.0.1:5000`. */
  readonly who: string;
  /** Where the answer came from in the end. */
  readonly url: URL;
  /** Milliseconds without a byte after which it counts as dead. */
  readonly silence: number;
  readonly signal: AbortSignal;
};

/** Bytes that are read away to keep a connection; a longer rest costs more than a new one. */
const worthReading = 256 * 1024;
/** Milliseconds for the end to follow the last byte. */
const endPatience = 1_000;
/** A whole document may take so many times what a single byte may. */
const documentTimes = 5;

/** An answer whose head is there. Its body must be read, discarded or destroyed. */
export class Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly who: string;
  readonly url: URL;
  readonly #message: IncomingMessage;
  readonly #options: AnswerOptions;
  #silence: number;

  constructor(message: IncomingMessage, options: AnswerOptions) {
    this.status = message.statusCode ?? 0;
    this.headers = message.headers;
    this.who = options.who;
    this.url = options.url;
    this.#message = message;
    this.#options = options;
    this.#silence = options.silence;
    // A failure between two reads is seen by the next one.
    message.on("error", () => {});
  }

  /** Null where the header is missing or no number. */
  get length(): number | null {
    const text = this.headers["content-length"];
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
  }

  header(name: string): string | undefined {
    const value = this.headers[name];
    return typeof value === "string" ? value : value?.[0];
  }

  /**
   * The body as it comes. Fails with a transient `unavailable` when it is cut or nothing comes for too long. The time is counted
   * only while somebody waits: a slow reader is no silence.
   */
  async *chunks(): AsyncGenerator<Buffer, void> {
    const { who, signal, url } = this.#options;
    const iterator: AsyncIterator<Buffer> = this.#message[Symbol.asyncIterator]();
    let isWaiting = false;
    const watch = (): NodeJS.Timeout =>
      setTimeout(() => {
        if (isWaiting) this.#message.destroy(silenceFailure(who, this.#silence));
      }, this.#silence);
    let guard = watch();
    let watched = this.#silence;
    try {
      for (;;) {
        if (watched === this.#silence) guard.refresh();
        else {
          clearTimeout(guard);
          guard = watch();
          watched = this.#silence;
        }
        isWaiting = true;
        const result = await iterator.next();
        isWaiting = false;
        if (result.done === true) break;
        yield result.value;
      }
      if (!this.#message.complete) throw cutFailure(who);
    } catch (error) {
      if (signal.aborted) throw cancelled(error);
      if (error instanceof EngineError) throw error;
      throw connectionFailure(who, url.host, error);
    } finally {
      clearTimeout(guard);
      this.destroy();
    }
  }

  /** The reader has all: the end must follow soon. */
  expectEnd(): void {
    this.#silence = Math.min(this.#silence, endPatience);
  }

  /** The whole body. Fails with `corrupt` beyond `limit`. */
  async bytes(limit: number, what: string): Promise<Buffer> {
    const length = this.length;
    if (length !== null && length > limit) {
      this.destroy();
      throw tooLong(what, limit);
    }
    const parts: Buffer[] = [];
    let size = 0;
    using _deadline = this.#deadline();
    for await (const chunk of this.chunks()) {
      size += chunk.length;
      if (size > limit) throw tooLong(what, limit);
      parts.push(chunk);
    }
    return Buffer.concat(parts, size);
  }

  /** At most `limit` bytes, and no failure: what a failed request says. */
  async head(limit: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let size = 0;
    using _deadline = this.#deadline();
    try {
      for await (const chunk of this.chunks()) {
        parts.push(chunk);
        size += chunk.length;
        if (size >= limit) break;
      }
    } catch {
      // The status says enough.
    }
    return Buffer.concat(parts).subarray(0, limit);
  }

  /** Reads a short body away, so that its connection can be used again. */
  async discard(): Promise<void> {
    await this.head(worthReading);
  }

  /** A document that comes byte by byte must come to an end as well. */
  #deadline(): Disposable {
    const { who, silence } = this.#options;
    const timer = setTimeout(() => this.#message.destroy(slowFailure(who)), silence * documentTimes);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  destroy(): void {
    if (!this.#message.complete || !this.#message.readableEnded) this.#message.destroy();
  }
}

function tooLong(what: string, limit: number): RegistryFailure {
  return new RegistryFailure("corrupt", `${what} is longer than ${limit / 1024 / 1024} MiB`);
}

export function silenceFailure(who: string, silence: number): RegistryFailure {
  const seconds = Math.max(1, Math.round(silence / 1_000));
  return new RegistryFailure("unavailable", `${who} keeps silent: nothing came for ${seconds} s`, {
    isTransient: true,
    hint: "try again later; what was downloaded so far is kept",
  });
}

function slowFailure(who: string): RegistryFailure {
  return new RegistryFailure("unavailable", `${who} answers too slowly`, {
    isTransient: true,
    hint: "try again later",
  });
}

export function cutFailure(who: string): RegistryFailure {
  return new RegistryFailure("unavailable", `${who} cut the connection in the middle of an answer`, {
    isTransient: true,
    hint: "try again later; what was downloaded so far is kept",
  });
}
