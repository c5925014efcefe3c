import { setTimeout as sleep } from "node:timers/promises";
import { decodeLogRecords } from "../protocol/log-records.ts";
import type { LogRange } from "../protocol/logs.ts";
import { findTimestamp, parseTimestamp } from "../protocol/timestamps.ts";
import { Growth } from "./growth.ts";
import { LogFile } from "./log-file.ts";
import type { FollowOptions } from "./log-reader.ts";
import { endOfRecords, offsetOfTail, offsetOfTime } from "./log-search.ts";

/**
 * `bytes` are whole records that begin at `offset` of the log. `caught-up` comes once, when all that was there at the start has been
 * given and following begins. `idle` comes when nothing was written for half a second after something was.
 */
export type LogEvent = BytesEvent | { readonly type: "caught-up" } | { readonly type: "idle" };

type BytesEvent = { readonly type: "bytes"; readonly offset: number; readonly bytes: Buffer };

export type ChunkOptions = FollowOptions & { readonly chunkSize: number; readonly ended: () => boolean };

/** A busy log is looked at this often, milliseconds: small enough for eyes, large enough to fill a batch. */
const busyPause = 15;
const idleAfter = 500;
const absentPause = 100;
const newline = 10;

/** Reads no further than it is asked. Fails with `invalid-argument` for a time that is none, before anything is read. */
export async function* readChunks(path: string, options: ChunkOptions): AsyncGenerator<LogEvent> {
  const range = parseRange(options.range);
  const found = await LogFile.find(path);
  if (found === null) {
    if (!options.follow) return;
    yield { type: "caught-up" };
  }
  const file = found ?? (await waitForFile(path, options));
  if (file === null) return;
  const follower = new Follower(file, options);
  try {
    if (found !== null) {
      const { start, end } = await boundsOf(file, range);
      yield* follower.readTo(start, end);
      if (!options.follow || options.signal.aborted) return;
      yield { type: "caught-up" };
    }
    yield* follower.follow(path, range.until);
  } finally {
    await follower.close();
  }
}

type ParsedRange = { readonly tail: number | null; readonly since: bigint | null; readonly until: bigint | null };

function parseRange({ tail, since, until }: LogRange): ParsedRange {
  return {
    tail,
    since: since === null ? null : parseTimestamp(since),
    until: until === null ? null : parseTimestamp(until),
  };
}

async function boundsOf(file: LogFile, range: ParsedRange): Promise<{ start: number; end: number }> {
  let end = await endOfRecords(file, await file.end());
  if (range.until !== null) end = await offsetOfTime(file, range.until + 1n, end);
  const from = range.since === null ? file.first : await offsetOfTime(file, range.since, end);
  const start = range.tail === null ? from : await offsetOfTail(file, range.tail, { from, end });
  return { start, end };
}

async function waitForFile(path: string, options: ChunkOptions): Promise<LogFile | null> {
  for (;;) {
    const isOver = options.ended();
    const file = await LogFile.find(path);
    if (file !== null || isOver || options.signal.aborted) return file;
    await sleep(absentPause);
  }
}

class Follower {
  readonly #file: LogFile;
  readonly #options: ChunkOptions;
  #position = 0;

  constructor(file: LogFile, options: ChunkOptions) {
    this.#file = file;
    this.#options = options;
  }

  async close(): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  async *readTo(start: number, end: number): AsyncGenerator<LogEvent> {
    this.#position = start;
    while (this.#position < end && !this.#options.signal.aborted) {
      const event = await this.#nextBefore(end);
      if (event === null) break;
      yield event;
    }
    // Following goes on where the range ended, also where `tail` was 0.
    this.#position = Math.max(this.#position, end);
  }

  async *follow(path: string, until: bigint | null): AsyncGenerator<LogEvent> {
    using growth = new Growth(path, this.#options);
    const silence = new Silence();
    while (!this.#options.signal.aborted) {
      // Asked before reading: what was written before the end is then in the file.
      const isOver = this.#options.ended() || isPast(until);
      const event = await this.#newest(growth);
      if (event === null) {
        if (isOver) return;
        if (silence.isNews()) yield { type: "idle" };
        await growth.armOrWait(silence.deadline);
        continue;
      }
      const kept = beforeTime(event, until);
      yield kept;
      if (kept !== event) return;
      silence.interrupt();
      if (event.bytes.length < this.#options.chunkSize / 2) await sleep(busyPause);
    }
  }

  /** What was written since, here or in the file that has taken this one's place. */
  async #newest(growth: Growth): Promise<BytesEvent | null> {
    let event = await this.#next();
    while (event === null && (await this.#file.hasMoved())) {
      growth.disarm();
      // The writer has opened the new file, so the old one is complete: take what came since we looked.
      event = await this.#next();
      if (event !== null) break;
      await this.#moveOn();
      event = await this.#next();
    }
    if (event !== null) growth.disarm();
    return event;
  }

  /** The next whole records that are in the log by now, or null. */
  async #next(): Promise<BytesEvent | null> {
    const end = await this.#file.end();
    // Somebody emptied the file.
    if (end < this.#position) this.#position = this.#file.newest;
    return this.#nextBefore(end);
  }

  async #nextBefore(end: number): Promise<BytesEvent | null> {
    const { chunkSize } = this.#options;
    for (;;) {
      // What was dropped meanwhile is passed over.
      this.#position = this.#file.place(this.#position);
      const offset = this.#position;
      if (offset >= end) return null;
      const wanted = Math.min(chunkSize, end - offset);
      const some = await this.#file.readSome(offset, wanted);
      // Parts of a log end with records: only where one does not, it goes on in the next.
      const bytes = some.includes(newline) ? some : await this.#file.readAt(offset, wanted);
      const length = bytes.lastIndexOf(newline) + 1;
      if (length > 0) {
        this.#position = offset + length;
        return { type: "bytes", offset, bytes: bytes.subarray(0, length) };
      }
      if (bytes.length < chunkSize) return null;
      // No record is that long: pass over it, as far as it has been written.
      this.#position = offset + bytes.length;
    }
  }

  /** Goes over to the files there are now (rotation), or to the start of one that is none of that row. */
  async #moveOn(): Promise<void> {
    const newest = this.#file.newest;
    await this.#file.refresh(this.#position);
    if (this.#file.newest <= newest) this.#position = this.#file.newest;
  }
}

/** How long nothing has been written. */
class Silence {
  #since = Date.now();
  #isTold = false;

  interrupt(): void {
    this.#since = Date.now();
    this.#isTold = false;
  }

  /** When it will be worth telling; null where it was told. */
  get deadline(): number | null {
    return this.#isTold ? null : this.#since + idleAfter;
  }

  /** True once after the start and after each interruption, when it has lasted. */
  isNews(): boolean {
    if (this.#isTold || Date.now() - this.#since < idleAfter) return false;
    this.#isTold = true;
    return true;
  }
}

/** A moment's grace for what was said in time but is not in the file yet. */
function isPast(until: bigint | null): boolean {
  return until !== null && BigInt(Date.now() - idleAfter) * 1_000_000n > until;
}

/** The event itself, or one cut before the first record that is later than `until`. */
function beforeTime(event: BytesEvent, until: bigint | null): BytesEvent {
  if (until === null) return event;
  let cut = -1;
  decodeLogRecords(event.bytes, ({ time, start }) => {
    if (cut === -1 && (findTimestamp(time) ?? 0n) > until) cut = start - 10 - time.length;
  });
  return cut === -1 ? event : { ...event, bytes: event.bytes.subarray(0, cut) };
}
