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
  /** True when newer lines were dropped, since older ones were paged in: following needs a fresh start. */
  readonly cutAtEnd: boolean;
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
  const next = (buffer.lines.at(-1)?.sequence ?? -1) + 1;
  const kept = lines.map((line, index) => ({ ...line, text: keptText(line.text, clean), sequence: next + index }));
  return { ...buffer, lines: [...buffer.lines, ...kept].slice(-longestLog) };
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
  return {
    ...buffer,
    lines: lines.slice(0, longestLog),
    cutAtEnd: buffer.cutAtEnd || lines.length > longestLog,
    before: new Map([...buffer.before, ...page.before]),
    paging: false,
  };
}

function keptText(text: string, clean: (text: string) => string): string {
  return text.length <= longestLine ? clean(text) : `${clean(text.slice(0, longestLine))}…`;
}

/** Offset before which a container's older lines lie, or null when all are here. */
export function olderThan(buffer: LogBuffer, container: string): number | null {
  const known = buffer.before.get(container);
  if (known !== undefined) return known;
  const first = buffer.lines.find((line) => line.container === container);
  return first === undefined || first.offset === 0 ? null : first.offset;
}
