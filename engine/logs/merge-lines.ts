import type { LogLine } from "../protocol/logs.ts";
import { compareTimestamps } from "../protocol/timestamps.ts";
import type { FollowOptions, LogReader } from "./log-reader.ts";

/** One of the logs to put together. */
export type MergedLog = { readonly container: string; readonly path: string; readonly ended: () => boolean };

const batchSize = 1000;

/**
 * Lines of several logs: what is there at the start in order of time, then what comes in order of arrival. Each log is read no
 * faster than the merged lines are taken. Leaving the loop ends the reading of all.
 */
export async function* mergeLines(
  reader: LogReader,
  logs: readonly MergedLog[],
  options: FollowOptions,
): AsyncGenerator<LogLine[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const cursors = logs.map(({ container, path, ended }) => {
    const lines = reader.lines(container, path, { ...options, signal }, ended);
    return new Cursor(lines[Symbol.asyncIterator]());
  });
  try {
    yield* mergeByTime(cursors);
    if (options.follow) yield* mergeByArrival(cursors.filter((cursor) => !cursor.isDone));
  } finally {
    stop.abort();
    await Promise.allSettled(cursors.map((cursor) => cursor.close()));
  }
}

/** The next line of one log. */
class Cursor {
  readonly #iterator: AsyncIterator<LogLine[]>;
  #batch: LogLine[] = [];
  #index = 0;
  /** The log has ended. */
  isDone = false;
  /** All that was there at the start has been taken. */
  isCaughtUp = false;

  constructor(iterator: AsyncIterator<LogLine[]>) {
    this.#iterator = iterator;
  }

  /** Null when caught up. */
  get head(): LogLine | null {
    return this.#batch[this.#index] ?? null;
  }

  async fill(): Promise<void> {
    while (this.head === null && !this.isCaughtUp) {
      const batch = await this.next();
      this.isCaughtUp = batch === null || batch.length === 0;
      this.#batch = batch ?? [];
      this.#index = 0;
    }
  }

  advance(): void {
    this.#index++;
  }

  /** The next batch, or null at the end. */
  async next(): Promise<LogLine[] | null> {
    const result = await this.#iterator.next();
    if (result.done !== true) return result.value;
    this.isDone = true;
    return null;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}

async function* mergeByTime(cursors: readonly Cursor[]): AsyncGenerator<LogLine[]> {
  await Promise.all(cursors.map((cursor) => cursor.fill()));
  let batch: LogLine[] = [];
  for (;;) {
    const earliest = earliestOf(cursors);
    if (earliest === null) break;
    batch.push(...(earliest.head === null ? [] : [earliest.head]));
    earliest.advance();
    if (earliest.head === null) await earliest.fill();
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function earliestOf(cursors: readonly Cursor[]): Cursor | null {
  let earliest: Cursor | null = null;
  for (const cursor of cursors) {
    if (cursor.head === null) continue;
    if (earliest?.head == null || compareTimestamps(cursor.head.time, earliest.head.time) < 0) earliest = cursor;
  }
  return earliest;
}

type Arrival = { readonly cursor: Cursor; readonly batch: LogLine[] | null };

/** At most one batch of each log waits to be taken. The first failure of a log ends all. */
async function* mergeByArrival(cursors: readonly Cursor[]): AsyncGenerator<LogLine[]> {
  const arrived: Arrival[] = [];
  let failure: { readonly error: unknown } | null = null;
  let wake = () => {};
  const request = (cursor: Cursor) => {
    cursor.next().then(
      (batch) => {
        arrived.push({ cursor, batch });
        wake();
      },
      (error: unknown) => {
        failure ??= { error };
        wake();
      },
    );
  };
  for (const cursor of cursors) request(cursor);
  let open = cursors.length;
  while (open > 0) {
    const arrival = arrived.shift();
    if (arrival === undefined) {
      if (failure !== null) throw (failure as { error: unknown }).error;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    } else if (arrival.batch === null) {
      open--;
    } else {
      if (arrival.batch.length > 0) yield arrival.batch;
      request(arrival.cursor);
    }
  }
}
