import { afterAll, beforeAll, expect, it } from "vitest";
import { formatLocalTime } from "../../../src/format/time.ts";

const zone = process.env.TZ;

beforeAll(() => {
  process.env.TZ = "Europe/Berlin";
});
afterAll(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

it("shows a time on the local clock, and other text as it is", () => {
  expect(formatLocalTime("2026-07-01T12:00:00.123456789Z")).toBe("2026-07-01 14:00:00");
  expect(formatLocalTime("never")).toBe("never");
});
