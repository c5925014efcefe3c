import type { LogLine, LogRange } from "../protocol/logs.ts";

export type FollowOptions = {
  readonly range: LogRange;
  readonly follow: boolean;
  readonly signal: AbortSignal;
};

/**
 * Reads what conmon writes (protocol/log-records.ts), over all files of a log: `path` is the one conmon writes, the older ones stand
 * beside it (log-segments.ts). Memory is bounded by a few chunks whatever the size of the log; a reader that
 * is not asked for more reads no more.
 */
export interface LogReader {
  /** Whole records as bytes, in chunks of at most 1 MiB that end at a record's end. With follow until the signal, or `ended`. */
  read(path: string, options: FollowOptions, ended: () => boolean): AsyncIterable<Buffer>;
  /**
   * The same as lines, for screens: batches of at most 1,000, text as UTF-8 with broken bytes replaced, parts of a line put together
   * up to 1 MiB. With follow one empty batch comes when all that was there at the start has been given, and a line that stays
   * unfinished for half a second (a prompt) is given as it is.
   */
  lines(container: string, path: string, options: FollowOptions, ended: () => boolean): AsyncIterable<LogLine[]>;
  /** See `logs.page` of the protocol. */
  page(
    container: string,
    path: string,
    query: {
      readonly before: number | null;
      readonly after?: number | undefined;
      readonly limit: number;
      readonly contains?: string | undefined;
    },
  ): Promise<{ lines: LogLine[]; before: number | null; after?: number | null }>;
}
