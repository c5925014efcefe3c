import { expect, it } from "vitest";
import { eventLines, eventRow } from "../../../src/panes/events/view-model.ts";
import {
  appendEvents,
  type EventsView,
  emptyEventLog,
  indexOfBottom,
  visibleEvents,
} from "../../../src/store/event-log.ts";
import { textOf } from "../../support/drawn-rows.ts";
import { anEvent } from "../../support/protocol-values.ts";

const now = Number(BigInt(anEvent().timeNano) / 1_000_000n) + 60_000;
const view: EventsView = { kind: "events", span: 1, filter: "", bottom: null };
const log = appendEvents(emptyEventLog, [
  anEvent(),
  anEvent({ action: "die", attributes: { name: "web", image: "nginx", exitCode: "137" } }),
  anEvent({ type: "network", action: "connect", attributes: { name: "front", container: "0123456789abcdef" } }),
  anEvent({ action: "exec_create: sh -c \u001b[2Jls", attributes: { name: "evil\u0007" } }),
]);

it("says what happened to what", () => {
  const rows = log.events.map((event) => eventRow(event, now));
  expect(rows.map(({ action, name, detail, tone }) => [action, name, detail, tone])).toEqual([
    ["start", "web", "", "ok"],
    ["die", "web", "exitCode=137  image=nginx", "error"],
    ["connect", "front", "container=0123456789ab", "ok"],
    ["exec_create", "evil", "sh -c ls", "muted"],
  ]);
  expect(rows[0]?.time).toMatch(/^\d\d:\d\d:\d\d$/);
  const yesterday = anEvent({ timeNano: "1795000000000000000" });
  expect(eventRow({ ...yesterday, sequence: 0 }, now).time).toMatch(/^\d\d-\d\d \d\d:\d\d:\d\d$/);
});

it("shows the newest at the end, and those before where one scrolls back", () => {
  const many = appendEvents(
    emptyEventLog,
    Array.from({ length: 20 }, (_, index) => anEvent({ attributes: { name: `c${index}` } })),
  );
  const names = (bottom: number | null) =>
    textOf(eventLines(many, { ...view, bottom }, { width: 60, height: 6, now }))
      .slice(1)
      .map((row) => row.split(/ +/)[4]);
  expect(names(null)).toEqual(["c15", "c16", "c17", "c18", "c19"]);
  expect(names(10)).toEqual(["c6", "c7", "c8", "c9", "c10"]);
  expect(names(1)).toEqual(["c0", "c1", "c2", "c3", "c4"]);
  expect(indexOfBottom(many.events, -5)).toBe(0);
});

it("filters by words, wherever they stand", () => {
  expect(visibleEvents(log, "WEB die").map(({ action }) => action)).toEqual(["die"]);
  expect(visibleEvents(log, "network")).toHaveLength(1);
  expect(visibleEvents(log, "").map(({ action }) => action)).toEqual(["start", "die", "connect"]);
  expect(visibleEvents(log, "exec")).toHaveLength(1);
  const none = textOf(eventLines(log, { ...view, filter: "zzz" }, { width: 60, height: 6, now }));
  expect(none).toEqual([" no event matches the filter; Esc clears it"]);
  expect(textOf(eventLines(emptyEventLog, view, { width: 60, height: 6, now }))).toEqual([
    " nothing happened since 1h ago",
  ]);
});

it("keeps two thousand", () => {
  const events = Array.from({ length: 1_500 }, () => anEvent());
  const full = appendEvents(appendEvents(emptyEventLog, events), events);
  expect(full.events).toHaveLength(2_000);
  expect(full.events.at(-1)?.sequence).toBe(2_999);
});
