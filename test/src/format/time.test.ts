import { afterAll, beforeAll, expect, it } from "vitest";
import { findMoment, formatLocalTime } from "../../../src/format/time.ts";

const now = Date.parse("2026-07-01T12:00:00Z");
const zone = process.env.TZ;

beforeAll(() => {
  process.env.TZ = "Europe/Berlin";
});
afterAll(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

it.each([
  ["10m", "2026-07-01T11:50:00.000000000Z"],
  ["1h30m", "2026-07-01T10:30:00.000000000Z"],
  ["1.000000001s", "2026-07-01T11:59:58.999999999Z"],
  ["-10m", "2026-07-01T12:10:00.000000000Z"],
  ["0", "1970-01-01T00:00:00.000000000Z"],
  ["1763784000", "2025-11-22T04:00:00.000000000Z"],
  ["1763784000.000000001", "2025-11-22T04:00:00.000000001Z"],
  ["2026-11-22T01:38:45.629079477+01:00", "2026-11-22T00:38:45.629079477Z"],
  ["2026-11-22T01:38:45Z", "2026-11-22T01:38:45.000000000Z"],
  ["2026-11-22T01:38Z", "2026-11-22T01:38:00.000000000Z"],
  ["2026-11-22Z", "2026-11-22T00:00:00.000000000Z"],
  ["2026-11-22", "2026-11-21T23:00:00.000000000Z"],
  ["2026-07-01T10:00", "2026-07-01T08:00:00.000000000Z"],
  ["2026-07-01T10", "2026-07-01T08:00:00.000000000Z"],
  ["2026-07-01 10:00:05.25", "2026-07-01T08:00:05.250000000Z"],
  ["1969-12-31T23:00:00.5", "1969-12-31T22:00:00.500000000Z"],
])("takes %s for %s", (text, moment) => {
  expect(findMoment(text, now)).toBe(moment);
});

it.each(["", "yesterday", "2026", "2026-02-30", "2026-13-01T00:00:00Z", "10", "1e9", "12:00", "2026-11-22T25"])(
  "takes %j for no time or for seconds",
  (text) => {
    const seconds = { "2026": "1970-01-01T00:33:46.000000000Z", "10": "1970-01-01T00:00:10.000000000Z" }[text];
    expect(findMoment(text, now)).toBe(seconds ?? null);
  },
);

it("shows a time on the local clock, and other text as it is", () => {
  expect(formatLocalTime("2026-07-01T12:00:00.123456789Z")).toBe("2026-07-01 14:00:00");
  expect(formatLocalTime("never")).toBe("never");
});
