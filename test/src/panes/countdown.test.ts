import { expect, it } from "vitest";
import { untilChange } from "../../../src/app/until-change.ts";
import { countdown, nextCountdownChange } from "../../../src/panes/countdown.ts";
import { emptyMirror } from "../../../src/store/mirror.ts";
import { aContainer } from "../../support/protocol-values.ts";

const now = Date.parse("2026-11-22T00:00:00Z");

it("counts whole seconds down to zero", () => {
  expect(countdown("2026-11-22T00:00:07Z", now)).toBe("7s");
  expect(countdown("2026-11-22T00:00:06.100Z", now)).toBe("7s");
  expect(countdown("2026-11-21T23:00:00Z", now)).toBe("0s");
  expect(["never", null, "x"].map((time) => countdown(time, now))).toEqual(["", "", ""]);
});

it("says when it reads otherwise, and no more when it is over", () => {
  expect(nextCountdownChange("2026-11-22T00:00:06.100Z", now)).toBe(100);
  expect(nextCountdownChange("2026-11-22T00:00:06Z", now)).toBe(1000);
  expect(nextCountdownChange("2026-11-22T00:00:00Z", now)).toBe(Number.POSITIVE_INFINITY);
  expect(nextCountdownChange("never", now)).toBe(Number.POSITIVE_INFINITY);
});

it("draws a countdown in time, and ages when they may be late", () => {
  const startedAt = "2026-11-21T00:00:00.000Z";
  const quiet = { ...emptyMirror, containers: [aContainer({ startedAt })] };
  expect(untilChange(quiet, now)).toEqual({ calm: 3_600_000, exact: Number.POSITIVE_INFINITY });
  const stopping = { ...quiet, containers: [aContainer({ startedAt, stopDeadline: "2026-11-22T00:00:09.300Z" })] };
  expect(untilChange(stopping, now)).toEqual({ calm: 3_600_000, exact: 300 });
});
