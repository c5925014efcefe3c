import type { LogLine } from "../protocol/logs.ts";
import { LineJoiner } from "./line-joiner.ts";
import { LogFile } from "./log-file.ts";

export type PageQuery = {
  readonly before: number | null;
  readonly limit: number;
  readonly contains?: string | undefined;
};
export type Page = { lines: LogLine[]; before: number | null };

const window = 256 * 1024;
/** Room for the longest line that is put together from parts. */
const largestWindow = 2 * 1024 * 1024;
/** What one call may look through, so that a search for what is not there gives way to others. */
const searchLimit = 64 * 1024 * 1024;

/**
 * Lines before an offset, oldest first, read backwards from there. `before` of the answer is where an earlier page goes on, null at
 * the start of the log. A line whose parts are mixed with lines of the other stream may come in two pieces where pages meet.
 */
export async function readPage(container: string, path: string, query: PageQuery): Promise<Page> {
  await using file = await LogFile.find(path);
  if (file === null || query.limit <= 0) return { lines: [], before: null };
  const { size } = await file.identity();
  let end = await file.endOfRecords(Math.min(size, Math.max(0, query.before ?? size)));
  const oldest = Math.max(0, end - searchLimit);
  const filter = filterOf(query.contains);
  let lines: LogLine[] = [];
  while (end > oldest && lines.length < query.limit) {
    const region = await regionBefore(file, end);
    if (filter === null || filter.mayBeIn(region.bytes)) {
      lines = [...linesOf(container, region).filter((line) => filter?.isIn(line.text) ?? true), ...lines];
    }
    end = region.start;
  }
  const kept = lines.slice(-query.limit);
  const before = lines.length > query.limit ? (kept[0]?.offset ?? end) : end;
  return { lines: kept, before: before === 0 ? null : before };
}

type Region = { readonly start: number; readonly bytes: Buffer };

/** Whole lines that end at `end`: begins at the start of the log, or after a record that ended a line. */
async function regionBefore(file: LogFile, end: number): Promise<Region> {
  for (let size = window; ; size *= 2) {
    const low = Math.max(0, end - size);
    const bytes = await file.readAt(low, end - low);
    if (low === 0) return { start: 0, bytes };
    const begin = startOfLine(bytes);
    if (begin !== null) return { start: low + begin, bytes: bytes.subarray(begin) };
    // A line longer than lines may be: cut it between parts, or pass over what is no record at all.
    if (size >= largestWindow) {
      const record = bytes.indexOf(10) + 1;
      return record < bytes.length
        ? { start: low + record, bytes: bytes.subarray(record) }
        : { start: low, bytes: bytes.subarray(bytes.length) };
    }
  }
}

/** Offset after the first newline in `bytes` whose record has tag F, null without one or with nothing behind it. */
function startOfLine(bytes: Buffer): number | null {
  let start = bytes.indexOf(10) + 1;
  while (start > 0 && start < bytes.length) {
    const afterTime = bytes.indexOf(32, start);
    const end = bytes.indexOf(10, start) + 1;
    if (end === 0 || end === bytes.length) return null;
    if (bytes[afterTime + 8] !== 0x50) return end;
    start = end;
  }
  return null;
}

function linesOf(container: string, { start, bytes }: Region): LogLine[] {
  const joiner = new LineJoiner(container);
  const lines = joiner.push(bytes, start);
  return [...lines, ...joiner.flush()].sort((a, b) => a.offset - b.offset);
}

type Filter = { mayBeIn(bytes: Buffer): boolean; isIn(text: string): boolean };

function filterOf(contains: string | undefined): Filter | null {
  if (contains === undefined || contains === "") return null;
  const wanted = contains.toLowerCase();
  const isIn = (text: string) => text.toLowerCase().includes(wanted);
  // A match may go across parts, which stand apart in the file: then only joined lines tell.
  return { isIn, mayBeIn: (bytes) => isIn(bytes.toString("utf8")) || bytes.includes(" P ") };
}
