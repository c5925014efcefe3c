import fc from "fast-check";
import stringWidth from "string-width";
import { expect, it } from "vitest";
import { cell, takeColumns, truncate } from "../../../src/format/cell.ts";

it.each([
  ["abc", 5, "abc  "],
  ["abc", 3, "abc"],
  ["abcd", 3, "ab…"],
  ["abc", 1, "…"],
  ["abc", 0, ""],
  ["", 2, "  "],
  ["漢字", 4, "漢字"],
  ["漢字", 3, "漢…"],
  ["漢字", 2, "… "],
  ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
  ["👩‍👩‍👧‍👦 family", 4, "👩‍👩‍👧‍👦 …"],
  ["🇩🇪🇫🇷", 3, "🇩🇪…"],
])("puts %j into %i columns as %j", (text, width, expected) => {
  expect(cell(text, width)).toBe(expected);
});

it("aligns to the right", () => {
  expect(cell("7", 3, "right")).toBe("  7");
  expect(cell("12345", 3, "right")).toBe("12…");
});

it("truncates without padding, and takes columns without an ellipsis", () => {
  expect(truncate("abc", 5)).toBe("abc");
  expect(truncate("漢字漢", 4)).toBe("漢…");
  expect(takeColumns("漢字漢", 4)).toBe("漢字");
});

it("always fills its columns exactly", () => {
  const text = fc.string({ unit: "grapheme" }).map((value) => value.replace(/\p{Control}/gu, ""));
  fc.assert(
    fc.property(text, fc.integer({ min: 0, max: 40 }), (value, width) => {
      expect(stringWidth(cell(value, width))).toBe(width);
    }),
  );
});

it("does not measure what is far too long", () => {
  const started = performance.now();
  const marks = `a${"\u0301".repeat(2_000_000)}`;
  expect(stringWidth(cell(marks, 10))).toBeLessThanOrEqual(10);
  expect(cell("é".repeat(2_000_000), 10)).toBe(`${"é".repeat(9)}…`);
  console.log(`two megabytes twice: ${(performance.now() - started).toFixed(1)} ms`);
});
