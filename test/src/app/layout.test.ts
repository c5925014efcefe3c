import fc from "fast-check";
import { expect, it } from "vitest";
import { isTooSmall, layoutBody, neighbour, panesIn, type Region, type Size } from "../../../src/app/layout.ts";

const state = { focus: "containers", tab: "logs", corner: "layers", fullscreen: false } as const;

function sizeOf(region: Region): Size {
  if (region.kind === "pane") return region;
  const sizes = region.parts.map(sizeOf);
  const sum = (pick: (size: Size) => number) => sizes.reduce((total, size) => total + pick(size), 0);
  if (region.direction === "row") {
    expect(new Set(sizes.map((size) => size.rows)).size).toBe(1);
    return { columns: sum((size) => size.columns), rows: sizes[0]?.rows ?? 0 };
  }
  expect(new Set(sizes.map((size) => size.columns)).size).toBe(1);
  return { columns: sizes[0]?.columns ?? 0, rows: sum((size) => size.rows) };
}

it("fills the screen exactly, whatever its size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 60, max: 320 }), fc.integer({ min: 15, max: 120 }), (columns, rows) => {
      const region = layoutBody({ columns, rows }, state);
      expect(sizeOf(region)).toMatchObject({ columns, rows: rows - 3 });
      expect(panesIn(region)).toContain("containers");
    }),
  );
});

it("shows all panes where there is room, and the containers with one more where there is not", () => {
  expect(panesIn(layoutBody({ columns: 80, rows: 24 }, state))).toEqual(["containers", "logs"]);
  expect(panesIn(layoutBody({ columns: 180, rows: 24 }, state))).toEqual(["containers", "logs"]);
  expect(panesIn(layoutBody({ columns: 120, rows: 40 }, state))).toHaveLength(5);
  expect(panesIn(layoutBody({ columns: 300, rows: 100 }, state))).toHaveLength(7);
  const corner = panesIn(layoutBody({ columns: 120, rows: 40 }, { ...state, corner: "volumes" }));
  expect(corner).toEqual(["containers", "images", "volumes", "logs", "stats"]);
  expect(panesIn(layoutBody({ columns: 120, rows: 40 }, { ...state, focus: "stats", fullscreen: true }))).toEqual([
    "stats",
  ]);
});

it("knows when a terminal is too small", () => {
  expect(isTooSmall({ columns: 59, rows: 40 })).toBe(true);
  expect(isTooSmall({ columns: 80, rows: 14 })).toBe(true);
  expect(isTooSmall({ columns: 60, rows: 15 })).toBe(false);
});

it("goes round through the panes", () => {
  expect(neighbour("volumes", 1)).toBe("containers");
  expect(neighbour("containers", -1)).toBe("volumes");
});
