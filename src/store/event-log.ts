import type { EngineEvent } from "../../engine/protocol/events.ts";

/** An event as it is kept. `sequence` orders them, without gaps. */
export type KeptEvent = EngineEvent & { readonly sequence: number };

/** What happened since a moment, oldest first, and goes on to happen. Empty while nobody looks at it. */
export type EventLog = { readonly key: string; readonly events: readonly KeptEvent[] };

export const longestEventLog = 2_000;

export const emptyEventLog: EventLog = { key: "", events: [] };

/** The newest `longestEventLog` are kept. */
export function appendEvents(log: EventLog, events: readonly EngineEvent[]): EventLog {
  if (events.length === 0) return log;
  const next = (log.events.at(-1)?.sequence ?? -1) + 1;
  const fresh = events.map((event, index) => ({ ...event, sequence: next + index }));
  return { ...log, events: [...log.events, ...fresh].slice(-longestEventLog) };
}

/** How far back the view looks: a flag of `gantry events --since`, and milliseconds. */
export const eventSpans = [
  { flag: "10m", milliseconds: 600_000 },
  { flag: "1h", milliseconds: 3_600_000 },
  { flag: "24h", milliseconds: 86_400_000 },
  { flag: "168h", milliseconds: 604_800_000 },
] as const;

/** The view over the panes. `bottom`: sequence of the lowest row, null while the newest is followed. */
export type EventsView = {
  readonly kind: "events";
  /** Index into `eventSpans`. */
  readonly span: number;
  readonly filter: string;
  readonly bottom: number | null;
};

/**
 * Every word of the filter stands somewhere in the event. What is run in containers, by health checks every few seconds, is told
 * only to who asks for `exec`.
 */
export function visibleEvents({ events }: EventLog, filter: string): readonly KeptEvent[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const asksExec = words.some((word) => word.startsWith("exec"));
  return events.filter((event) => {
    if (!asksExec && event.action.startsWith("exec_")) return false;
    if (words.length === 0) return true;
    const texts = [event.type, event.action, event.id, ...Object.values(event.attributes)];
    const text = texts.join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Index of the lowest row shown. */
export function indexOfBottom(events: readonly KeptEvent[], bottom: number | null): number {
  if (bottom === null) return events.length - 1;
  const index = events.findLastIndex(({ sequence }) => sequence <= bottom);
  return index === -1 ? Math.min(0, events.length - 1) : index;
}
