import type { LogLine } from "../protocol/logs.ts";
import { LineJoiner } from "./line-joiner.ts";
import { readChunks } from "./log-chunks.ts";
import { type Page, type PageQuery, readPage } from "./log-page.ts";
import type { FollowOptions, LogReader } from "./log-reader.ts";

const recordChunk = 1024 * 1024;
const lineChunk = 128 * 1024;
/** Lines a batch: what one message on the wire holds. */
const batchSize = 1000;

/** Reads the log files that conmon writes. Holds nothing between calls. */
export function openLogReader(): LogReader {
  return { read, lines, page };
}

async function* read(path: string, options: FollowOptions, ended: () => boolean): AsyncGenerator<Buffer> {
  for await (const event of readChunks(path, { ...options, chunkSize: recordChunk, ended })) {
    if (event.type === "bytes" && event.bytes.length > 0) yield event.bytes;
  }
}

async function* lines(
  container: string,
  path: string,
  options: FollowOptions,
  ended: () => boolean,
): AsyncGenerator<LogLine[]> {
  const joiner = new LineJoiner(container);
  for await (const event of readChunks(path, { ...options, chunkSize: lineChunk, ended })) {
    if (event.type === "bytes") yield* batchesOf(joiner.push(event.bytes, event.offset));
    else if (event.type === "idle") yield* batchesOf(joiner.flush());
    else yield [];
  }
  yield* batchesOf(joiner.flush());
}

function page(container: string, path: string, query: PageQuery): Promise<Page> {
  return readPage(container, path, query);
}

function* batchesOf(all: LogLine[]): Generator<LogLine[]> {
  for (let start = 0; start < all.length; start += batchSize) yield all.slice(start, start + batchSize);
}
