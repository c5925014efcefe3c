import { decodeLogRecords, type LogRecord } from "../protocol/log-records.ts";
import { findTimestamp, formatTimestamp } from "../protocol/timestamps.ts";
import { appendFrame, frameHead } from "./stream-frame.ts";

export type LogFramesOptions = {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** A head before each line; a terminal's output has none. */
  readonly isFramed: boolean;
  /** The time of each line before it. */
  readonly timestamps: boolean;
  /** What stands before each line, after its time; empty: nothing. */
  readonly details: string;
};

/** Bytes of `2026-11-22T01:38:45Z stdout F` with its newline. */
const shortestRecord = 30;
/** Of `2026-11-22T01:38:45.629079477Z` and a blank. */
const timeLength = 31;
const newline = 10;

/** Turns log records to what docker's clients get of a log: a frame a line. No chunk may end within a record. */
export class LogFrames {
  readonly #options: LogFramesOptions;
  readonly #details: Buffer;
  #out: Buffer = Buffer.alloc(0);
  #length = 0;
  /** The last record of a stream had no newline, so its next goes on with that line. */
  readonly #isWithinLine = { stdout: false, stderr: false };

  constructor(options: LogFramesOptions) {
    this.#options = options;
    this.#details = Buffer.from(options.details);
  }

  take(chunk: Buffer): Buffer {
    // No text is longer than its record, and a time with its blank is part of the record as well, if not as long as written anew.
    const mostRecords = Math.ceil(chunk.length / shortestRecord);
    this.#out = Buffer.allocUnsafe(chunk.length + mostRecords * (frameHead + timeLength + this.#details.length));
    this.#length = 0;
    decodeLogRecords(chunk, (record) => {
      if (this.#options[record.stream]) this.#append(chunk, record);
    });
    return this.#out.subarray(0, this.#length);
  }

  #append(chunk: Buffer, record: LogRecord): void {
    const { isFramed, timestamps } = this.#options;
    const out = this.#out;
    const start = this.#length;
    let at = isFramed ? start + frameHead : start;
    if (!this.#isWithinLine[record.stream]) {
      if (timestamps) at += out.write(`${utc(record.time)} `, at, "latin1");
      at += this.#details.copy(out, at);
    }
    at += chunk.copy(out, at, record.start, record.end);
    if (!record.partial) out[at++] = newline;
    this.#isWithinLine[record.stream] = record.partial;
    this.#length = at;
    if (!isFramed) return;
    appendFrame(out, start, { stream: record.stream === "stderr" ? 2 : 1, length: at - start - frameHead });
  }
}

/** conmon writes the host's own time. */
function utc(time: string): string {
  if (time.endsWith("+00:00")) return `${time.slice(0, -6)}Z`;
  const moment = findTimestamp(time);
  return moment === null ? time : formatTimestamp(moment);
}
