import "../../support/blessed-hook.ts";
import fc from "fast-check";
import { expect, it } from "vitest";
import { formatAge, nextAgeChange } from "../../../src/panes/age.ts";
import { drawCharts } from "../../../src/panes/stats/draw-charts.ts";
import { axisSteps, charts, roundUp, tail } from "../../../src/panes/stats/view-model.ts";
import { aSample } from "../../support/protocol-values.ts";

const samples = Array.from({ length: 90 }, (_, time) => aSample({ time, cpu: 50 + 40 * Math.sin(time / 7) }));

it("has a chart for each resource, with its newest value and its limit", () => {
  const [cpu, memory, network, disk] = charts([aSample({ cpu: 25, used: 3 * 1024 ** 2 })]);
  expect(cpu).toMatchObject({ title: "CPU", top: 40, unit: "%", gauge: { share: 0.125, text: "13 % of 2 cores" } });
  expect(memory).toMatchObject({ unit: "MiB", gauge: { share: 0.75, text: "75 % of 4MiB" } });
  expect(network?.curves).toHaveLength(2);
  expect(disk?.values.map(({ label }) => label)).toEqual(["read", "write"]);
  expect(charts([])).toEqual([]);
});

it("shows that the limit holds a container back", () => {
  const sample = aSample();
  const [cpu] = charts([{ ...sample, cpu: { ...sample.cpu, throttledPercent: 42.4 } }]);
  expect(cpu?.values).toContainEqual({ label: "throttled", text: "42 %" });
});

it("never draws more than its room, however large or small", () => {
  const all = charts(samples);
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 180 }), fc.integer({ min: 1, max: 60 }), (width, height) => {
      const rows = drawCharts(all, { width, height });
      expect(rows.length).toBeLessThanOrEqual(height);
    }),
    { numRuns: 60 },
  );
});

it("ends an axis at a round number", () => {
  expect([0, 0.3, 1, 1.1, 3, 41, 99, 101].map(roundUp)).toEqual([1, 0.4, 1, 2, 4, 80, 100, 200]);
});

it("divides an axis into steps without odd fractions", () => {
  expect([1, 2, 4, 8, 10, 20, 100, 0.1, 0.4].map((top) => axisSteps(top, 10))).toEqual([5, 4, 4, 4, 5, 4, 5, 5, 4]);
  expect(axisSteps(100, 5)).toBe(2);
});

it("fills a short history from the left", () => {
  expect(tail([1, 2], 4)).toEqual([0, 0, 1, 2]);
  expect(tail([1, 2, 3], 2)).toEqual([2, 3]);
});

it("says an age in its largest unit, and when it will read otherwise", () => {
  expect([0, 59_999, 60_000, 3_599_000, 7_200_000, 172_800_000, 30 * 86_400_000].map(formatAge)).toEqual([
    "0s",
    "59s",
    "1m",
    "59m",
    "2h",
    "2d",
    "4w",
  ]);
  expect(nextAgeChange("1970-01-01T00:00:00Z", 12_300)).toBe(700);
  expect(nextAgeChange("1970-01-01T00:00:00Z", 130_000)).toBe(50_000);
  expect(nextAgeChange(null, 0)).toBe(Number.POSITIVE_INFINITY);
});
