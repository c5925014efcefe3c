import { expect, it } from "vitest";
import type { Progress, ProgressPart } from "../../../engine/protocol/rpc.ts";
import { measurePaces, type Paces, paceLifetime, rateOf, untilStale } from "../../../src/store/pace.ts";
import { anOperation } from "../../support/protocol-values.ts";

const bytes = (current: number, fields: Partial<Progress> = {}): Progress => ({
  phase: "receiving",
  object: "",
  current,
  total: 10_000,
  unit: "bytes",
  ...fields,
});

const part = (id: string, phase: ProgressPart["phase"], current: number): ProgressPart => ({
  id,
  phase,
  current,
  total: 5_000,
});

function run(steps: readonly (readonly [at: number, progress: Progress])[]): Paces {
  let paces: Paces = new Map();
  for (const [at, progress] of steps) paces = measurePaces(paces, [anOperation({ id: "o", progress })], at);
  return paces;
}

function rate(steps: Parameters<typeof run>[0], now: number): number | null {
  return rateOf(run(steps).get("o") ?? [], now);
}

it("counts bytes a second over the last seconds", () => {
  const steady = [0, 1, 2, 3].map((second) => [second * 1000, bytes(second * 500)] as const);
  expect(rate(steady, 3000)).toBe(500);
  // A slow beginning is forgotten.
  const late = [0, 10_000, 11_000, 12_000].map((at, index) => [at, bytes(index * 1000)] as const);
  expect(rate(late, 12_000)).toBe(1000);
});

it("knows no rate of what has just begun, stands still, or was not heard of", () => {
  expect(rate([[0, bytes(0)]], 0)).toBeNull();
  expect(
    rate(
      [
        [0, bytes(0)],
        [500, bytes(400)],
      ],
      500,
    ),
  ).toBeNull();
  expect(
    rate(
      [
        [0, bytes(400)],
        [2000, bytes(400)],
      ],
      2000,
    ),
  ).toBeNull();
  const moved = [
    [0, bytes(0)],
    [1000, bytes(400)],
  ] as const;
  expect(rate(moved, 1000)).toBe(400);
  expect(rate(moved, 1000 + paceLifetime + 1)).toBeNull();
  expect(untilStale(run(moved), 1500)).toBe(paceLifetime - 500 + 1);
  expect(untilStale(run([[0, bytes(0)]]), 0)).toBe(Number.POSITIVE_INFINITY);
});

it("begins anew where another count begins", () => {
  expect(
    rate(
      [
        [0, bytes(0)],
        [1000, bytes(900)],
        [1500, bytes(10)],
        [2500, bytes(110)],
      ],
      2500,
    ),
  ).toBe(100);
});

it("counts only layers that travel", () => {
  const parts = (...list: ProgressPart[]) => bytes(0, { parts: list });
  const steps = [
    [0, parts(part("a", "waiting", 0), part("b", "waiting", 0))],
    [1000, parts(part("a", "downloading", 300), part("b", "present", 5_000))],
  ] as const;
  expect(rate(steps, 1000)).toBe(300);
  const ended = [...steps, [2000, parts(part("a", "unpacking", 9_000), part("b", "present", 5_000))]] as const;
  expect(rate(ended, 2000)).toBe(2500);
});

it("takes what an earlier try had left for no speed", () => {
  const large = (current: number) =>
    bytes(0, { parts: [{ id: "l", phase: current === 0 ? "waiting" : "downloading", current, total: 9e9 }] });
  const resumed = [
    [0, large(0)],
    [200, large(5e9)],
    [2000, large(5e9 + 1e6)],
  ] as const;
  expect(rate(resumed, 2000)).toBe(1_000_000);
});

it("forgets what has ended", () => {
  const paces = run([[0, bytes(0)]]);
  expect(measurePaces(paces, [], 10).size).toBe(0);
  const none: Paces = new Map();
  expect(measurePaces(none, [], 10)).toBe(none);
});
