import fc from "fast-check";
import { expect, it } from "vitest";
import { findGoDuration, formatGoDuration, parseGoDuration } from "../../engine/protocol/go-duration.ts";

it.each([
  ["0", 0n],
  ["10m", 600_000_000_000n],
  ["1h30m", 5_400_000_000_000n],
  ["1.5h", 5_400_000_000_000n],
  [".5s", 500_000_000n],
  ["1.s", 1_000_000_000n],
  ["-2s", -2_000_000_000n],
  ["1ms1us1ns", 1_001_001n],
  ["3µs", 3_000n],
])("reads %s", (text, duration) => {
  expect(findGoDuration(text)).toBe(duration);
});

it.each(["", "10", "m", "1 m", "1d", "1h-3m", "..5s", ".s", "1e3s", "+"])("refuses %j", (text) => {
  expect(() => parseGoDuration(text)).toThrow(
    `duration ${JSON.stringify(text)} is not of the form 1h30m, 90s or 500ms`,
  );
});

it.each([
  [0n, "0s"],
  [1n, "1ns"],
  [1_100n, "1.1µs"],
  [2_200_000n, "2.2ms"],
  [1_500_000_000n, "1.5s"],
  [65_000_000_000n, "1m5s"],
  [3_600_000_000_000n, "1h0m0s"],
  [-90_000_000_000n, "-1m30s"],
])("writes %d as %s", (duration, text) => {
  expect(formatGoDuration(duration)).toBe(text);
});

it("reads what it writes", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), (duration) => {
      expect(findGoDuration(formatGoDuration(duration))).toBe(duration);
    }),
  );
});
