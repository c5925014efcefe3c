import { expect, it } from "vitest";
import { formatAge, formatDuration } from "../../engine/protocol/duration-text.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

it.each([
  [-5, "Less than a second"],
  [999, "Less than a second"],
  [second, "1 second"],
  [59 * second, "59 seconds"],
  [60 * second, "About a minute"],
  [119 * second, "About a minute"],
  [3 * minute, "3 minutes"],
  [59 * minute, "59 minutes"],
  [hour, "About an hour"],
  [89 * minute, "About an hour"],
  [90 * minute, "2 hours"],
  [47 * hour, "47 hours"],
  [48 * hour, "2 days"],
  [13 * day, "13 days"],
  [14 * day, "2 weeks"],
  [59 * day, "8 weeks"],
  [60 * day, "2 months"],
  [729 * day, "24 months"],
  [730 * day, "2 years"],
])("calls %i ms %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

it("says how long ago", () => {
  expect(formatAge("2026-11-22T01:00:00.123456789+00:00", Date.parse("2026-11-22T04:00:01Z"))).toBe("3 hours ago");
  expect(formatAge("", 0)).toBe("");
});
