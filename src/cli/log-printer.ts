import type { Writable } from "node:stream";
import { decodeLogRecords, type LogRecord } from "../../engine/protocol/log-records.ts";

export type LogPrinterOptions = {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The time of each line before it. */
  readonly timestamps: boolean;
  /** What stands before each line, after its time: what --details tells of the container. */
  readonly details?: string;
};

/** Bytes of `2026-11-22T01:38:45Z stdout F` with its newline. */
const shortestRecord = 30;
const newline = 10;
const empty = Buffer.alloc(0);

/**
 * Turns log records back to what the container wrote, a chunk at a time: the texts of a chunk go to one buffer, and to the outputs in
 * as few writes as the change between stdout and stderr allows, since a record costs less than an allocation.
 */
export class LogPrinter {
  readonly #options: LogPrinterOptions;
  /** The beginning of a record whose end has not come yet. */
  #rest: Buffer = empty;
  #out: Buffer = empty;
  #length = 0;
  #stream: LogRecord["stream"] = "stdout";
  /** The last record of a stream had no newline, so its next goes on with that line. */
  readonly #withinLine = { stdout: false, stderr: false };

  constructor(options: LogPrinterOptions) {
    this.#options = options;
  }

  /** Undefined when all was written; else a promise to wait for before more is given. */
  take(chunk: Buffer): Promise<void> | undefined {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    // No text is longer than its record, and a time with its blank is part of the record as well.
    this.#out = Buffer.allocUnsafe(bytes.length + this.#roomForDetails(bytes));
    this.#length = 0;
    const waits: Promise<void>[] = [];
    const consumed = decodeLogRecords(bytes, (record) => {
      if (record.stream !== this.#stream) {
        waits.push(...this.#flush());
        this.#stream = record.stream;
      }
      this.#append(bytes, record);
    });
    waits.push(...this.#flush());
    this.#rest = consumed === bytes.length ? empty : Buffer.from(bytes.subarray(consumed));
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
  }

  /** A record is a line, and is no shorter than its time. */
  #roomForDetails(bytes: Buffer): number {
    const { details = "" } = this.#options;
    return Math.ceil(bytes.length / shortestRecord) * Buffer.byteLength(details);
  }

  #append(bytes: Buffer, record: LogRecord): void {
    const out = this.#out;
    if (this.#options.timestamps && !this.#withinLine[record.stream]) {
      // Docker ends a time in UTC with Z, conmon with +00:00.
      const time = record.time.replace(/\+00:00$/, "Z");
      this.#length += out.write(`${time} `, this.#length, "latin1");
    }
    const { details } = this.#options;
    if (details !== undefined && !this.#withinLine[record.stream]) this.#length += out.write(details, this.#length);
    this.#length += bytes.copy(out, this.#length, record.start, record.end);
    this.#withinLine[record.stream] = record.partial;
    if (!record.partial) out[this.#length++] = newline;
  }

  #flush(): Promise<void>[] {
    if (this.#length === 0) return [];
    const output = this.#stream === "stdout" ? this.#options.stdout : this.#options.stderr;
    const ready = output.write(this.#out.subarray(0, this.#length));
    this.#out = this.#out.subarray(this.#length);
    this.#length = 0;
    return ready ? [] : [new Promise((resolve) => output.once("drain", resolve))];
  }
}
