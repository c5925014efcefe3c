import { expect, it } from "vitest";
import { matchesLabels } from "../../../engine/lib/label-filter.ts";

it("passes labels by key, by value, and by their absence", () => {
  const labels = { tier: "db", empty: "" };
  expect(matchesLabels(labels, [])).toBe(true);
  expect(matchesLabels(labels, ["tier", "tier=db", "empty", "empty=", "!none", "!tier=web"])).toBe(true);
  for (const filter of ["none", "tier=web", "!tier", "!tier=db", "tier=", "toString"]) {
    expect(matchesLabels(labels, [filter])).toBe(false);
  }
});
