import { type FileHandle, open } from "node:fs/promises";
import { findTimestamp } from "../protocol/timestamps.ts";

const newline = 10;
const space = 32;
const letterP = 0x50;
const searchWindow = 16 * 1024;
const tailWindow = 256 * 1024;

/** An open log of conmon's: records in order of time, one a line, each read afresh from the file. */
export class LogFile implements AsyncDisposable {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Null where there is none (yet). */
  static async find(path: string): Promise<LogFile | null> {
    try {
      return new LogFile(await open(path, "r"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async identity(): Promise<{ inode: number; size: number }> {
    const { ino, size } = await this.#handle.stat();
    return { inode: ino, size };
  }

  /** Up to `length` bytes from `offset`, in a buffer of its own; shorter at the end of the file. */
  async readAt(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await this.#handle.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  /** Offset just after the last newline before `end`: where whole records stop. */
  async endOfRecords(end: number): Promise<number> {
    for (let high = end; high > 0; high -= searchWindow) {
      const low = Math.max(0, high - searchWindow);
      const found = (await this.readAt(low, high - low)).lastIndexOf(newline);
      if (found !== -1) return low + found + 1;
    }
    return 0;
  }

  /** Offset of the first record at or after `offset` and before `limit`; `limit` if there is none. */
  async startOfRecord(offset: number, limit: number): Promise<number> {
    if (offset === 0) return 0;
    for (let low = offset - 1; low < limit; low += searchWindow) {
      const found = (await this.readAt(low, Math.min(searchWindow, limit - low))).indexOf(newline);
      if (found !== -1) return Math.min(low + found + 1, limit);
    }
    return limit;
  }

  /**
   * Offset of the first record before `limit` whose time is not before `time` (nanoseconds since the epoch), by halving. Where the
   * host's clock was set back the order is broken and the answer is one of several.
   */
  async offsetOfTime(time: bigint, limit: number): Promise<number> {
    // Records that start before `low` are too early; those that start at `high` or later are not. `low` is a record's start.
    let low = 0;
    let high = limit;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const record = await this.#timedRecord(middle, high, limit);
      if (record !== null && record.time < time) low = record.end;
      else high = middle;
    }
    return low;
  }

  /**
   * Offset at which the last `count` lines before `end` begin, at the earliest `from`. A line may be in parts (tag P), which
   * count as one with what ends them.
   */
  async offsetOfTail(count: number, from: number, end: number): Promise<number> {
    if (count <= 0) return end;
    const counter = new LineCounter(count);
    let high = end;
    while (high > from) {
      const low = Math.max(from, high - tailWindow);
      const start = low === from ? from : await this.startOfRecord(low, high);
      // One record longer than the window is none of conmon's.
      if (start < high) {
        const found = counter.countBack(await this.readAt(start, high - start));
        if (found !== null) return start + found;
      }
      high = start < high ? start : low;
    }
    return from;
  }

  /** The first record that starts in [offset, before) and has a readable time. */
  async #timedRecord(offset: number, before: number, limit: number): Promise<{ end: number; time: bigint } | null> {
    let start = await this.startOfRecord(offset, before);
    while (start < before) {
      const end = await this.startOfRecord(start + 1, limit);
      const head = (await this.readAt(start, Math.min(64, end - start))).toString("latin1");
      const time = findTimestamp(head.slice(0, Math.max(0, head.indexOf(" "))));
      if (time !== null) return { end, time };
      start = end;
    }
    return null;
  }
}

/** Counts lines from the end of a log towards its start, window by window. */
class LineCounter {
  /** The record before the first line that counts is found by one more. */
  #left: number;
  #isNewest = true;

  constructor(count: number) {
    this.#left = count + 1;
  }

  /** Offset in `bytes`, which are whole records, where the lines that were asked for begin; null if that is further back. */
  countBack(bytes: Buffer): number | null {
    for (let stop = bytes.length - 1; stop >= 0; ) {
      const begin = stop === 0 ? 0 : bytes.lastIndexOf(newline, stop - 1) + 1;
      // The newest record counts as a line even if it is a part: nothing ends it yet.
      if (this.#isNewest || !isPart(bytes, begin)) this.#left--;
      if (this.#left === 0) return stop + 1;
      this.#isNewest = false;
      stop = begin - 1;
    }
    return null;
  }
}

/** True for a record with tag P. */
function isPart(bytes: Buffer, start: number): boolean {
  const afterTime = bytes[start + 35] === space ? start + 35 : bytes.indexOf(space, start);
  return afterTime !== -1 && bytes[afterTime + 8] === letterP && bytes[afterTime + 9] === space;
}
