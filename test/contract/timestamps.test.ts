import fc from "fast-check";
import { expect, it } from "vitest";
import { compareTimestamps, findTimestamp, formatTimestamp, parseTimestamp } from "../../engine/protocol/timestamps.ts";

it.each([
  ["1970-01-01T00:00:00Z", 0n],
  ["1970-01-01T00:00:00.000000001Z", 1n],
  ["1970-01-01T01:00:00.5+01:00", 500_000_000n],
  ["1969-12-31T23:59:59.999999999Z", -1n],
  ["2026-11-22T01:38:45.629079477+00:00", 1_795_311_525_629_079_477n],
  ["2026-11-22t01:38:45z", 1_795_311_525_000_000_000n],
  ["0001-01-01T00:00:00Z", -62_135_596_800_000_000_000n],
  ["2016-12-31T23:59:60Z", 1_483_228_800_000_000_000n],
])("reads %s", (text, nanoseconds) => {
  expect(findTimestamp(text)).toBe(nanoseconds);
});

it.each([
  "",
  "now",
  "2026-02-30T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-01-01T24:00:00Z",
  "2026-01-01",
  "1795311525",
])("takes %j for no time", (text) => {
  expect(findTimestamp(text)).toBeNull();
  expect(() => parseTimestamp(text)).toThrow(`time ${JSON.stringify(text)} is not of the form 2026-11-22T01:38:45Z`);
});

it("writes what it reads, to the nanosecond", () => {
  const time = fc.bigInt({ min: -62_000_000_000_000_000_000n, max: 253_000_000_000_000_000_000n });
  fc.assert(
    fc.property(time, (nanoseconds) => {
      expect(findTimestamp(formatTimestamp(nanoseconds))).toBe(nanoseconds);
    }),
  );
});

it("compares over zones and numbers of digits", () => {
  const sign = (first: string, second: string) => Math.sign(compareTimestamps(first, second));
  expect(sign("2026-01-01T00:00:00.100000000+00:00", "2026-01-01T00:00:00.200000000+00:00")).toBe(-1);
  expect(sign("2026-01-01T02:00:00.100000000+02:00", "2026-01-01T00:00:00.200000000+00:00")).toBe(-1);
  expect(sign("2026-01-01T00:00:00.2Z", "2026-01-01T00:00:00.100000000Z")).toBe(1);
  expect(sign("2026-01-01T01:00:00Z", "2026-01-01T00:00:00Z")).toBe(1);
  expect(sign("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00")).toBe(0);
});
