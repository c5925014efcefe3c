import { describe, expect, it } from "vitest";
import {
  type Health,
  type HealthPlan,
  healthAfter,
  mergeHealthcheck,
  pauseBefore,
  planOf,
  startingHealth,
} from "../../../engine/containers/health/health-rules.ts";

const second = 1e9;
const check = { test: ["CMD", "true"], interval: 0, timeout: 0, retries: 0, startPeriod: 0, startInterval: 0 };
const startedAt = "2026-11-22T10:00:00.000Z";
const at = (seconds: number) => new Date(Date.parse(startedAt) + seconds * 1000).toISOString();
const result = (seconds: number, exitCode: number) => {
  return { start: at(seconds), end: at(seconds), exitCode, output: String(seconds) };
};
const plan = (changes: Partial<HealthPlan> = {}): HealthPlan => {
  return {
    command: ["true"],
    interval: 30_000,
    timeout: 30_000,
    retries: 3,
    startPeriod: 0,
    startInterval: 5_000,
    ...changes,
  };
};
const through = (steps: readonly (readonly [number, number])[], given: HealthPlan): Health =>
  steps.reduce(
    (health, [time, code]) => healthAfter(health, result(time, code), given),
    startingHealth(startedAt, null),
  );

describe("what is asked for", () => {
  it("is the request's, where it leaves something open the image's, and docker's defaults last", () => {
    const image = { ...check, test: ["CMD-SHELL", "probe"], interval: 2 * second, retries: 7 };
    expect(mergeHealthcheck(null, null)).toBeNull();
    expect(mergeHealthcheck(null, image)).toBe(image);
    const merged = mergeHealthcheck({ ...check, test: [], timeout: second, retries: 2 }, image);
    expect(planOf(merged, ["/bin/bash", "-c"])).toEqual({
      command: ["/bin/bash", "-c", "probe"],
      interval: 2000,
      timeout: 1000,
      retries: 2,
      startPeriod: 0,
      startInterval: 5000,
    });
    expect(planOf(check, [])).toEqual(plan());
  });

  it("is nothing for NONE, and for kinds that nobody knows", () => {
    for (const test of [["NONE"], [], ["CMD"], ["HTTP", "/"]]) expect(planOf({ ...check, test }, ["sh"])).toBeNull();
    expect(planOf(undefined, ["sh"])).toBeNull();
  });
});

describe("the state", () => {
  it("gets worse after so many failures in a row, and well at once", () => {
    const sick = through(
      [1, 2, 3].map((time) => [time, 1] as const),
      plan(),
    );
    expect(sick).toMatchObject({ status: "unhealthy", failingStreak: 3 });
    expect(
      through(
        [
          [1, 1],
          [2, 1],
          [3, 0],
          [4, 1],
        ],
        plan(),
      ),
    ).toMatchObject({ status: "healthy", failingStreak: 1 });
    expect(healthAfter(sick, result(9, 0), plan())).toMatchObject({ status: "healthy", failingStreak: 0 });
    expect(through([[1, -1]], plan({ retries: 1 }))).toMatchObject({ status: "unhealthy" });
  });

  it("does not count failures in the start period, until the first success", () => {
    const given = plan({ startPeriod: 10_000, retries: 2 });
    expect(
      through(
        [
          [1, 1],
          [5, 1],
          [9, 1],
        ],
        given,
      ),
    ).toMatchObject({ status: "starting", failingStreak: 0 });
    expect(
      through(
        [
          [9, 1],
          [10, 1],
          [11, 1],
        ],
        given,
      ),
    ).toMatchObject({ status: "unhealthy", failingStreak: 2 });
    expect(
      through(
        [
          [1, 0],
          [2, 1],
          [3, 1],
        ],
        given,
      ),
    ).toMatchObject({ status: "unhealthy", failingStreak: 2 });
  });

  it("keeps the last five results, over all runs", () => {
    const many = through(
      [1, 2, 3, 4, 5, 6, 7].map((time) => [time, 0] as const),
      plan(),
    );
    expect(many.log.map(({ output }) => output)).toEqual(["3", "4", "5", "6", "7"]);
    expect(startingHealth(at(60), many)).toMatchObject({ status: "starting", failingStreak: 0, log: many.log });
  });
});

it("probes faster while it starts", () => {
  const given = plan({ startPeriod: 60_000 });
  const fresh = startingHealth(startedAt, null);
  expect(pauseBefore(fresh, given, Date.parse(at(10)))).toBe(5_000);
  expect(pauseBefore(fresh, given, Date.parse(at(60)))).toBe(30_000);
  expect(pauseBefore({ ...fresh, status: "healthy" }, given, Date.parse(at(10)))).toBe(30_000);
  expect(pauseBefore(fresh, plan(), Date.parse(at(0)))).toBe(30_000);
});
