import { findTimestamp } from "../protocol/timestamps.ts";
import type { LogFile } from "./log-file.ts";

const newline = 10;
const space = 32;
const letterP = 0x50;
const searchWindow = 16 * 1024;
const tailWindow = 256 * 1024;

/** Offset just after the last newline before `end`: where whole records stop. */
export async function endOfRecords(file: LogFile, end: number): Promise<number> {
  for (let high = end; high > file.first; high -= searchWindow) {
    const low = Math.max(file.first, high - searchWindow);
    const found = (await file.readAt(low, high - low)).lastIndexOf(newline);
    if (found !== -1) return low + found + 1;
  }
  return file.first;
}

/** Offset of the first record at or after `offset` and before `limit`; `limit` if there is none. */
export async function startOfRecord(file: LogFile, offset: number, limit: number): Promise<number> {
  if (offset <= file.first) return file.first;
  for (let low = offset - 1; low < limit; low += searchWindow) {
    const found = (await file.readAt(low, Math.min(searchWindow, limit - low))).indexOf(newline);
    if (found !== -1) return Math.min(low + found + 1, limit);
  }
  return limit;
}

/**
 * Offset of the first record before `limit` whose time is not before `time` (nanoseconds since the epoch), by halving. Where the host's
 * clock was set back the order is broken and the answer is one of several.
 */
export async function offsetOfTime(file: LogFile, time: bigint, limit: number): Promise<number> {
  // Records that start before `low` are too early; those that start at `high` or later are not. `low` is a record's start.
  let low = file.first;
  let high = limit;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const record = await timedRecord(file, { offset: middle, before: high, limit });
    if (record !== null && record.time < time) low = record.end;
    else high = middle;
  }
  return Math.min(low, limit);
}

/**
 * Offset at which the last `count` lines before `end` begin, at the earliest `from`. A line may be in parts (tag P), which count as one with
 * what ends them.
 */
export async function offsetOfTail(file: LogFile, count: number, range: { from: number; end: number }) {
  const { from, end } = range;
  if (count <= 0) return end;
  const counter = new LineCounter(count);
  let high = end;
  while (high > from) {
    const low = Math.max(from, high - tailWindow);
    const start = low === from ? from : await startOfRecord(file, low, high);
    // One record longer than the window is none of conmon's.
    if (start < high) {
      const found = counter.countBack(await file.readAt(start, high - start));
      if (found !== null) return start + found;
    }
    high = start < high ? start : low;
  }
  return from;
}

type Place = { readonly offset: number; readonly before: number; readonly limit: number };

/** The first record that starts in [offset, before) and has a readable time. */
async function timedRecord(file: LogFile, { offset, before, limit }: Place) {
  let start = await startOfRecord(file, offset, before);
  while (start < before) {
    const end = await startOfRecord(file, start + 1, limit);
    const head = (await file.readAt(start, Math.min(64, end - start))).toString("latin1");
    const time = findTimestamp(head.slice(0, Math.max(0, head.indexOf(" "))));
    if (time !== null) return { end, time };
    start = end;
  }
  return null;
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
