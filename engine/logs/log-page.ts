import type { LogLine } from "../protocol/logs.ts";
import { LineJoiner } from "./line-joiner.ts";
import { LogFile } from "./log-file.ts";
import { endOfRecords, startOfRecord } from "./log-search.ts";

/** `before` counts where both are given; neither: the newest lines. */
export type PageQuery = {
  readonly before: number | null;
  readonly after?: number | undefined;
  readonly limit: number;
  readonly contains?: string | undefined;
};
export type Page = { lines: LogLine[]; before: number | null; after?: number | null };

const window = 256 * 1024;
/** Room for the longest line that is put together from parts. */
const largestWindow = 2 * 1024 * 1024;
/** What one call may look through, so that a search for what is not there gives way to others. */
const searchLimit = 64 * 1024 * 1024;

/**
 * A page of lines, oldest first. Backwards from `before`: `before` of the answer is where an earlier page goes on, null at the start of
 * the log. Forwards behind `after`: `after` of the answer is where a later page goes on, null at the end of what is there. A line whose
 * parts are mixed with lines of the other stream may come in two pieces where pages meet.
 */
export async function readPage(container: string, path: string, query: PageQuery): Promise<Page> {
  const { before, after } = query;
  await using file = await LogFile.find(path);
  if (file === null || query.limit <= 0) return { lines: [], before: null };
  const filter = filterOf(query.contains);
  if (before === null && after !== undefined) return await readForwards(file, container, { ...query, after, filter });
  return await readBackwards(file, container, { ...query, filter });
}

type Backwards = { readonly before: number | null; readonly limit: number; readonly filter: Filter | null };
type Forwards = { readonly after: number; readonly limit: number; readonly filter: Filter | null };

async function readBackwards(file: LogFile, container: string, { before, limit, filter }: Backwards): Promise<Page> {
  const size = await file.end();
  let end = await endOfRecords(file, Math.min(size, Math.max(file.first, before ?? size)));
  const oldest = Math.max(file.first, end - searchLimit);
  let lines: LogLine[] = [];
  while (end > oldest && lines.length < limit) {
    const region = await regionBefore(file, end);
    if (filter === null || filter.mayBeIn(region.bytes)) {
      lines = [...linesOf(container, region).filter((line) => filter?.isIn(line.text) ?? true), ...lines];
    }
    end = region.start;
  }
  const kept = lines.slice(-limit);
  const next = lines.length > limit ? (kept[0]?.offset ?? end) : end;
  return { lines: kept, before: next <= file.first ? null : next };
}

/** Begins with the line at `after` itself, for its parts may go on behind others, and leaves it out. */
async function readForwards(file: LogFile, container: string, { after, limit, filter }: Forwards): Promise<Page> {
  const end = await endOfRecords(file, await file.end());
  const start = await startOfRecord(file, Math.max(file.first, after), end);
  const latest = Math.min(end, start + searchLimit);
  const joiner = new LineJoiner(container);
  const isWanted = (line: LogLine) => line.offset > after && (filter?.isIn(line.text) ?? true);
  const lines: LogLine[] = [];
  let position = start;
  while (position < latest && lines.length < limit) {
    const bytes = await file.readAt(position, Math.min(window, end - position));
    const records = bytes.lastIndexOf(10) + 1;
    if (bytes.length === 0) break;
    lines.push(...joiner.push(bytes.subarray(0, records), position).filter(isWanted));
    position += records === 0 ? bytes.length : records;
  }
  const isAtEnd = position >= end;
  if (isAtEnd || lines.length < limit) lines.push(...joiner.flush().filter(isWanted));
  lines.sort((a, b) => a.offset - b.offset);
  const kept = lines.slice(0, limit);
  const isAll = isAtEnd && kept.length === lines.length;
  const next = kept.length === limit ? (kept.at(-1)?.offset ?? null) : position - 1;
  return { lines: kept, before: null, after: isAll ? null : next };
}

type Region = { readonly start: number; readonly bytes: Buffer };

/** Whole lines that end at `end`: begins at the start of the log, or after a record that ended a line. */
async function regionBefore(file: LogFile, end: number): Promise<Region> {
  for (let size = window; ; size *= 2) {
    const low = Math.max(file.first, end - size);
    const bytes = await file.readAt(low, end - low);
    if (low === file.first) return { start: low, bytes };
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
