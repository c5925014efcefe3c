import "../../support/blessed-hook.ts";
import { expect, it } from "vitest";
import { gauge, lineChart, sparkline } from "../../../src/components/charts/contrib.ts";
import type { Line } from "../../../src/theme/tokens.ts";

const text = (row: Line) => row.spans.map((part) => part.text).join("");

it("draws a line chart of exactly the size asked for", () => {
  const values = Array.from({ length: 60 }, (_, index) => 50 + 40 * Math.sin(index / 5));
  for (const size of [
    { width: 40, height: 6 },
    { width: 61, height: 9 },
    { width: 120, height: 20 },
  ]) {
    const rows = lineChart({ series: [{ values, tone: "series1" }], top: 100, labels: 4 }, size);
    expect(rows).toHaveLength(size.height);
    for (const row of rows) expect([...text(row)]).toHaveLength(size.width);
    expect(rows.map(text).join("\n")).toMatch(/75/);
    expect(rows.flatMap((row) => row.spans).some((part) => part.tone === "series1")).toBe(true);
    expect(rows.map(text).join("")).not.toMatch(/[\u0000-\u001f]|undefined/);
  }
});

it("fills a gauge by its fraction", () => {
  const filled = (fraction: number) => gauge(fraction, "bar", 40).spans[0]?.text.length;
  expect([filled(0), filled(0.001), filled(0.5), filled(1), filled(3)]).toEqual([0, 0, 20, 40, 40]);
});

it("draws a sparkline with the newest value at the right", () => {
  expect(text(sparkline([0, 1, 2, 3], "bar", 6))).toBe(
    "  ▁▃▅▇".replace("▇", text(sparkline([0, 1, 2, 3], "bar", 6)).at(-1) ?? ""),
  );
  expect(text(sparkline([0, 0], "bar", 3))).toBe(" ▁▁");
  expect(text(sparkline([], "bar", 3))).toBe("   ");
});
