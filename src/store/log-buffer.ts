import type { LogLine } from "../../engine/protocol/logs.ts";

/** A line as it is kept: `text` is clean already. `sequence` orders the buffer: older lines that are paged in get lower ones. */
export type KeptLine = {
  readonly sequence: number;
  readonly container: string;
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  readonly offset: number;
};

/** The lines of the containers whose logs are looked at. */
export type LogBuffer = {
  /** Names the set of containers and the search; items for another one are late and dropped. */
  readonly key: string;
  readonly containers: readonly string[];
  /** Empty, or the text that all lines hold (case-insensitively). */
  readonly contains: string;
  readonly lines: readonly KeptLine[];
  /** By container: where to go on for older lines; null when there are none. Absent: unknown, see the first line. */
  readonly before: ReadonlyMap<string, number | null>;
  /** True when newer lines were dropped, since older ones were paged in: they are paged in again, or read afresh. */
  readonly cutAtEnd: boolean;
  /** By container: where to go on for newer lines, where some were dropped. */
  readonly after: ReadonlyMap<string, number>;
  /** True when newer lines were paged in up to the end of what there was. */
  readonly isAtEnd: boolean;
  readonly paging: boolean;
};

export const longestLog = 5_000;
/** More of a line than a screen shows is not kept: five thousand lines of any length have to fit in memory. */
const longestLine = 4_000;

export const emptyLog: LogBuffer = {
  key: "",
  containers: [],
  contains: "",
  lines: [],
  before: new Map(),
  cutAtEnd: false,
  after: new Map(),
  isAtEnd: false,
  paging: false,
};

export function openLog(containers: readonly string[], contains: string): LogBuffer {
  return { ...emptyLog, key: logKey(containers, contains), containers, contains };
}

export function logKey(containers: readonly string[], contains: string): string {
  return `${containers.join(" ")}\n${contains}`;
}

/** Lines that came now, in their order. */
export function appendLines(buffer: LogBuffer, lines: readonly LogLine[], clean: (text: string) => string): LogBuffer {
  if (lines.length === 0 || buffer.cutAtEnd) return buffer;
  return withNewer(buffer, lines, clean);
}

function withNewer(buffer: LogBuffer, lines: readonly LogLine[], clean: (text: string) => string): LogBuffer {
  const next = (buffer.lines.at(-1)?.sequence ?? -1) + 1;
  const fresh = lines.map((line, index) => ({ ...line, text: keptText(line.text, clean), sequence: next + index }));
  const all = [...buffer.lines, ...fresh];
  const dropped = all.slice(0, Math.max(0, all.length - longestLog));
  if (dropped.length === 0) return { ...buffer, lines: all };
  const before = new Map(buffer.before);
  // Behind the newest line that goes; where others of its container stay, these are the same place.
  for (const line of dropped) before.set(line.container, line.offset + 1);
  return { ...buffer, lines: all.slice(-longestLog), before };
}

/** Newer lines, oldest first, and where each container goes on; all there was: the end is reached. */
export function addNewerLines(
  buffer: LogBuffer,
  newer: readonly LogLine[],
  page: {
    readonly after: ReadonlyMap<string, number>;
    readonly isAtEnd: boolean;
    readonly clean: (text: string) => string;
  },
): LogBuffer {
  const { isAtEnd, clean } = page;
  return {
    ...withNewer(buffer, newer, clean),
    after: new Map([...buffer.after, ...page.after]),
    isAtEnd,
    paging: false,
  };
}

/** Older lines, oldest first, and where each container goes on. */
export function prependLines(
  buffer: LogBuffer,
  older: readonly LogLine[],
  page: { readonly before: ReadonlyMap<string, number | null>; readonly clean: (text: string) => string },
): LogBuffer {
  const first = (buffer.lines[0]?.sequence ?? 0) - older.length;
  const kept = older.map((line, index) => ({
    ...line,
    text: keptText(line.text, page.clean),
    sequence: first + index,
  }));
  const lines = [...kept, ...buffer.lines];
  const dropped = lines.slice(longestLog);
  const after = new Map(buffer.after);
  // Before the oldest line that goes: what is behind it is read again, whichever line was before it.
  for (const line of dropped.toReversed()) after.set(line.container, line.offset - 1);
  return {
    ...buffer,
    lines: lines.slice(0, longestLog),
    cutAtEnd: buffer.cutAtEnd || dropped.length > 0,
    after,
    isAtEnd: buffer.isAtEnd && dropped.length === 0,
    before: new Map([...buffer.before, ...page.before]),
    paging: false,
  };
}

function keptText(text: string, clean: (text: string) => string): string {
  return text.length <= longestLine ? clean(text) : `${clean(text.slice(0, longestLine))}…`;
}

/** Offset behind which a container's newer lines lie, where some were dropped. */
export function newerThan(buffer: LogBuffer, container: string): number | null {
  return buffer.after.get(container) ?? buffer.lines.findLast((line) => line.container === container)?.offset ?? null;
}

/** Offset before which a container's older lines lie, or null when all are here. */
export function olderThan(buffer: LogBuffer, container: string): number | null {
  const known = buffer.before.get(container);
  if (known !== undefined) return known;
  const first = buffer.lines.find((line) => line.container === container);
  return first === undefined || first.offset === 0 ? null : first.offset;
}
