import { expect, it } from "vitest";
import { mergeNewer, mergePages } from "../../../src/app/log-feed.ts";
import { highlight, logView, wrapText } from "../../../src/panes/logs/view-model.ts";
import {
  addNewerLines,
  appendLines,
  longestLog,
  newerThan,
  olderThan,
  openLog,
  prependLines,
} from "../../../src/store/log-buffer.ts";
import type { Line } from "../../../src/theme/tokens.ts";
import { aLine } from "../../support/protocol-values.ts";

const text = (row: Line) => row.spans.map((part) => part.text).join("");
const same = (value: string) => value;
const look = { width: 40, height: 5, times: false, wrap: false, search: "", names: new Map(), bottom: null };
const lines = (from: number, count: number) => Array.from({ length: count }, (_, index) => aLine(from + index));

it("shows the newest lines, or those above a line that was scrolled to", () => {
  const buffer = appendLines(openLog(["c1"], ""), lines(100, 20), same);
  const newest = logView(buffer, look);
  expect(newest.rows.map(text)).toEqual(["line 115", "line 116", "line 117", "line 118", "line 119"]);
  expect([newest.first, newest.last]).toEqual([15, 19]);
  expect(
    logView(buffer, { ...look, bottom: 7 })
      .rows.map(text)
      .at(-1),
  ).toBe("line 107");
  expect(logView(buffer, { ...look, bottom: -50 }).rows.map(text)).toEqual(["line 100"]);
});

it("cuts long lines or wraps them, and never shows more rows than there are", () => {
  const buffer = appendLines(openLog(["c1"], ""), [aLine(1), aLine(2, { text: "x".repeat(90) })], same);
  expect(logView(buffer, look).rows.map(text)).toEqual(["line 1", `${"x".repeat(39)}…`]);
  expect(logView(buffer, { ...look, wrap: true }).rows.map(text)).toEqual([
    "line 1",
    "x".repeat(40),
    "x".repeat(40),
    "x".repeat(10),
  ]);
  expect(logView(buffer, { ...look, wrap: true, height: 2 }).rows).toHaveLength(2);
  expect(wrapText("漢字漢", 5)).toEqual(["漢字", "漢"]);
});

it("tells merged logs apart by name and tone", () => {
  const buffer = appendLines(openLog(["c1", "c2"], ""), [aLine(1), aLine(2, { container: "c2" })], same);
  const names = new Map([
    ["c1", "web"],
    ["c2", "database"],
  ]);
  const { rows } = logView(buffer, { ...look, names });
  expect(rows.map(text)).toEqual(["web      line 1", "database line 2"]);
  expect(rows[0]?.spans[0]?.tone).not.toBe(rows[1]?.spans[0]?.tone);
});

it("marks what is searched", () => {
  expect(highlight("An error, an ERROR", "error", "text").map((part) => `${part.tone}:${part.text}`)).toEqual([
    "text:An ",
    "match:error",
    "text:, an ",
    "match:ERROR",
  ]);
});

it("keeps a bounded number of lines at both ends", () => {
  const full = appendLines(openLog(["c1"], ""), lines(10_000, longestLog + 10), same);
  expect(full.lines).toHaveLength(longestLog);
  expect(full.lines.at(-1)?.text).toBe(`line ${10_000 + longestLog + 9}`);
  expect(olderThan(full, "c1")).toBe(10_010);
  const paged = prependLines(full, lines(9_000, 100), { before: new Map([["c1", 9_000]]), clean: same });
  expect(paged.lines).toHaveLength(longestLog);
  expect(paged.cutAtEnd).toBe(true);
  expect(olderThan(paged, "c1")).toBe(9_000);
  expect(appendLines(paged, lines(99_999, 1), same)).toBe(paged);
  const long = appendLines(openLog(["c1"], ""), [aLine(1, { text: "y".repeat(100_000) })], same);
  expect(long.lines[0]?.text.length).toBeLessThan(5_000);
});

it("merges pages only as far back as all of them reach", () => {
  const page = (container: string, offsets: readonly number[], before: number | null) => ({
    container,
    lines: offsets.map((offset) => aLine(offset, { container })),
    before,
  });
  const merged = mergePages([page("a", [5, 30, 50], 5), page("b", [20, 40], 20), page("c", [1, 2], null)]);
  expect(merged.lines.map(({ container, offset }) => `${container}${offset}`)).toEqual(["b20", "a30", "b40", "a50"]);
  expect([...merged.before]).toEqual([
    ["a", 30],
    ["b", 20],
    ["c", 3],
  ]);
});

it("goes forwards again over what was dropped, without a gap at either end", () => {
  const full = appendLines(openLog(["c1", "c2"], ""), lines(10_000, longestLog - 1), same);
  const both = appendLines(full, [aLine(7, { container: "c2" })], same);
  const back = prependLines(both, lines(9_000, 1_000), { before: new Map([["c1", 9_000]]), clean: same });
  expect(back.lines.at(-1)?.offset).toBe(10_000 + longestLog - 1_001);
  // The one line of the other container was dropped with the newest.
  expect([newerThan(back, "c1"), newerThan(back, "c2")]).toEqual([10_000 + longestLog - 1_001, 6]);
  const pages = [
    { container: "c1", lines: lines(10_000 + longestLog - 1_000, 500), from: 0, after: 10_000 + longestLog - 500 },
    { container: "c2", lines: [], from: 6, after: null },
  ];
  const { lines: newer, after, isAtEnd } = mergeNewer(pages);
  expect([...after]).toEqual([
    ["c1", 10_000 + longestLog - 500],
    ["c2", 6],
  ]);
  const forward = addNewerLines(back, newer, { after, isAtEnd, clean: same });
  expect(forward.lines).toHaveLength(longestLog);
  expect(forward.lines[0]?.offset).toBe(9_500);
  // Going back once more begins where lines were dropped at the start.
  expect(olderThan(forward, "c1")).toBe(9_500);
  expect(forward).toMatchObject({ cutAtEnd: true, isAtEnd: false });
  expect(addNewerLines(forward, [], { after: new Map(), isAtEnd: true, clean: same }).isAtEnd).toBe(true);
});

it("asks for older lines from where they were dropped while the log went on", () => {
  const paged = prependLines(appendLines(openLog(["c1"], ""), lines(100, 10), same), lines(50, 50), {
    before: new Map([["c1", 50]]),
    clean: same,
  });
  const later = appendLines(paged, lines(110, longestLog), same);
  expect(later.lines[0]?.offset).toBe(110);
  expect(olderThan(later, "c1")).toBe(110);
});

it("merges newer pages only as far as all of them reach", () => {
  const page = (container: string, offsets: readonly number[], after: number | null) => ({
    container,
    lines: offsets.map((offset) => aLine(offset, { container })),
    from: 1,
    after,
  });
  const merged = mergeNewer([page("a", [5, 30, 50], 50), page("b", [20, 40], 40), page("c", [60], null)]);
  expect(merged.lines.map(({ container, offset }) => `${container}${offset}`)).toEqual(["a5", "b20", "a30", "b40"]);
  expect([...merged.after]).toEqual([
    ["a", 30],
    ["b", 40],
    ["c", 1],
  ]);
  expect(mergeNewer([page("a", [5], null), page("b", [], null)])).toMatchObject({ isAtEnd: true });
});
