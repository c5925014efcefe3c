import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { messageOf } from "./errors.ts";

export type LogLevel = "info" | "warning" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

/** The engine's own log: JSON objects, one a line, `time`, `level`, `message` and what else belongs to it. */
export interface Log extends Disposable {
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogOptions = {
  /** Bytes at which the file becomes `<path>.1`, of which one is kept. Default 10 MiB. */
  readonly limit?: number;
  /** Written to as well, e.g. stderr under systemd. */
  readonly mirror?: (line: string) => void;
};

/** Opens a log file for appending, mode 0640. Lines are written at once, so that the last words of a crash are there. */
export function openLog(path: string, options: LogOptions = {}): Log {
  return new FileLog(path, options);
}

class FileLog implements Log {
  readonly #path: string;
  readonly #limit: number;
  readonly #mirror: (line: string) => void;
  #descriptor: number;
  #size: number;

  constructor(path: string, options: LogOptions) {
    this.#path = path;
    this.#limit = options.limit ?? 10 * 1024 * 1024;
    this.#mirror = options.mirror ?? (() => {});
    this.#descriptor = openSync(path, "a", 0o640);
    this.#size = fstatSync(this.#descriptor).size;
  }

  info(message: string, fields: LogFields = {}): void {
    this.#write("info", message, fields);
  }

  warning(message: string, fields: LogFields = {}): void {
    this.#write("warning", message, fields);
  }

  error(message: string, fields: LogFields = {}): void {
    this.#write("error", message, fields);
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== -1) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  #write(level: LogLevel, message: string, fields: LogFields): void {
    const line = `${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields }, replaceErrors)}\n`;
    if (this.#descriptor === -1) return;
    try {
      if (this.#size + line.length > this.#limit) this.#rotate();
      this.#size += writeSync(this.#descriptor, line);
    } catch {
      // A full disk must not stop the engine from doing its work; there is nowhere to tell it.
    }
    try {
      this.#mirror(line);
    } catch {
      // Nor may a reader that went.
    }
  }

  #rotate(): void {
    const full = this.#descriptor;
    try {
      renameSync(this.#path, `${this.#path}.1`);
      this.#descriptor = openSync(this.#path, "a", 0o640);
    } catch {
      // Better too long a log than none.
      return;
    }
    closeSync(full);
    this.#size = 0;
  }
}

/** The whole chain of an error: what was being done, and the first cause with its stack. */
function replaceErrors(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const chain: string[] = [];
  let cause: unknown = value;
  let stack = value.stack;
  while (cause instanceof Error && chain.length < 8) {
    chain.push(messageOf(cause));
    stack = cause.stack ?? stack;
    cause = cause.cause;
  }
  return { chain, stack };
}
