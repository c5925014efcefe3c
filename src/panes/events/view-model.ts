import { type Column, drawTable } from "../../components/table.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { formatLocalTime } from "../../format/time.ts";
import {
  type EventLog,
  type EventsView,
  eventSpans,
  indexOfBottom,
  type KeptEvent,
  visibleEvents,
} from "../../store/event-log.ts";
import { type Line, line, span, type Tone } from "../../theme/tokens.ts";

export type EventRow = {
  readonly time: string;
  readonly type: string;
  readonly action: string;
  readonly tone: Tone;
  readonly name: string;
  readonly detail: string;
};

export function eventRow(event: KeptEvent, now: number): EventRow {
  const { type, action, id, attributes } = event;
  const [verb = "", ...rest] = action.split(": ");
  const name = attributes.name ?? "";
  return {
    time: timeText(event.timeNano, now),
    type,
    action: screenText(verb),
    tone: toneOf(event),
    name: screenText(name === "" ? shortID(id) : name),
    detail: screenText([...rest, ...details(attributes)].join("  ")),
  };
}

/** The time of the day, and the day where it is another one. */
function timeText(timeNano: string, now: number): string {
  const text = formatLocalTime(new Date(Number(BigInt(timeNano) / 1_000_000n)).toISOString());
  const today = formatLocalTime(new Date(now).toISOString()).slice(0, 10);
  return text.startsWith(today) ? text.slice(11) : text.slice(5);
}

const bad = new Set(["die", "kill", "oom", "destroy", "delete", "remove", "untag"]);

function toneOf({ action, attributes }: KeptEvent): Tone {
  if (action === "oom" || action === "health_status: unhealthy") return "error";
  if (action === "die") return attributes.exitCode === "0" ? "muted" : "error";
  if (action === "start" || action === "health_status: healthy" || action === "connect") return "ok";
  return bad.has(action) ? "warn" : action.startsWith("exec_") ? "muted" : "info";
}

/** What is worth a look, in the order of its worth; the image's labels, which docker lists as well, are not. */
const worth = [
  "exitCode",
  "signal",
  "container",
  "image",
  "driver",
  "type",
  "destination",
  "oldName",
  "reference",
  "execID",
];

function details(attributes: Readonly<Record<string, string>>): string[] {
  return worth.flatMap((key) => {
    const value = attributes[key] ?? "";
    const text = key === "container" || key === "execID" ? shortID(value) : value;
    return value === "" ? [] : [`${key}=${text}`];
  });
}

const columns: readonly Column<EventRow>[] = [
  { title: "TIME", minimum: 8, maximum: 14, priority: 0, spans: ({ time }) => [span(time, "faint")] },
  { title: "WHAT", minimum: 9, maximum: 9, priority: 1, spans: ({ type }) => [span(type, "muted")] },
  { title: "HAPPENED", minimum: 10, maximum: 18, priority: 0, spans: ({ action, tone }) => [span(action, tone)] },
  { title: "TO", minimum: 12, maximum: 40, priority: 0, spans: ({ name }) => [span(name, "strong")] },
  { title: "", minimum: 12, maximum: 200, priority: 2, spans: ({ detail }) => [span(detail, "muted")] },
];

/** The newest at the end, as in a log. */
export function eventLines(
  log: EventLog,
  view: EventsView,
  room: { readonly width: number; readonly height: number; readonly now: number },
): readonly Line[] {
  const events = visibleEvents(log, view.filter);
  if (events.length === 0) {
    const since = eventSpans[view.span]?.flag ?? "";
    const none =
      view.filter === "" ? `nothing happened since ${since} ago` : "no event matches the filter; Esc clears it";
    return [line(span(` ${none}`, "muted"))];
  }
  const count = Math.max(1, room.height - 1);
  const bottom = indexOfBottom(events, view.bottom);
  const from = Math.max(0, Math.min(bottom - count + 1, events.length - count));
  const shown = events.slice(from, from + count).map((event) => eventRow(event, room.now));
  const { header, lines } = drawTable({
    columns,
    rows: shown,
    width: room.width - 1,
    from: 0,
    count,
    selected: -1,
    selectedFill: "selection",
    gutter: () => span(" "),
  });
  return [header, ...lines];
}
