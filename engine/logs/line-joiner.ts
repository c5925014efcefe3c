import { decodeLogRecords, type LogRecord } from "../protocol/log-records.ts";
import type { LogLine } from "../protocol/logs.ts";

/** conmon cuts a line into parts of 8 KiB; put together again they may take this much, then the line is cut. Bytes. */
const longestLine = 1024 * 1024;

type Pending = { readonly time: string; readonly offset: number; readonly parts: Buffer[]; size: number };

/** Makes lines of records: parts (tag P) of one stream are put together until a record with tag F ends the line. */
export class LineJoiner {
  readonly #container: string;
  readonly #pending = new Map<"stdout" | "stderr", Pending>();

  constructor(container: string) {
    this.#container = container;
  }

  /** Lines that whole records complete; `offset` is where the bytes stand in the log. */
  push(bytes: Buffer, offset: number): LogLine[] {
    const lines: LogLine[] = [];
    decodeLogRecords(bytes, (record) => {
      const pending = this.#pending.get(record.stream);
      const begin = offset + record.start - 10 - record.time.length;
      if (pending === undefined && !record.partial) {
        const text = bytes.toString("utf8", record.start, record.end);
        lines.push({ container: this.#container, time: record.time, stream: record.stream, text, offset: begin });
        return;
      }
      const joined = pending ?? { time: record.time, offset: begin, parts: [], size: 0 };
      // A copy: a part must not keep its whole chunk in memory.
      joined.parts.push(Buffer.from(bytes.subarray(record.start, record.end)));
      joined.size += record.end - record.start;
      this.#pending.set(record.stream, joined);
      if (!record.partial || joined.size >= longestLine) lines.push(...this.#take(record.stream));
    });
    return lines;
  }

  /** Unfinished lines as they are: at the end of the log, or a prompt that waits for an answer. */
  flush(): LogLine[] {
    return [...this.#pending.keys()].flatMap((stream) => this.#take(stream)).sort((a, b) => a.offset - b.offset);
  }

  #take(stream: LogRecord["stream"]): LogLine[] {
    const pending = this.#pending.get(stream);
    if (pending === undefined) return [];
    this.#pending.delete(stream);
    const { time, offset, parts } = pending;
    return [{ container: this.#container, time, stream, text: Buffer.concat(parts).toString("utf8"), offset }];
  }
}
