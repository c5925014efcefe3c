import fc from "fast-check";
import { expect, it } from "vitest";
import { sanitize, sanitizeKeepingColour } from "../../../src/format/sanitize.ts";

const esc = "\x1b";

it.each([
  ["plain text", "plain text"],
  [`${esc}[31mred${esc}[0m`, "red"],
  [`${esc}[2J${esc}[1;1Hgone`, "gone"],
  [`${esc}[?1049hscreen`, "screen"],
  [`\x9b31mred`, "red"],
  [`${esc}]0;title\x07text`, "text"],
  [`${esc}]52;c;aGk=${esc}\\text`, "text"],
  [`\x9d0;title\x9ctext`, "text"],
  [`${esc}Pq#0~${esc}\\after`, "after"],
  [`${esc}_Gf=100;AAAA${esc}\\after`, "after"],
  [`${esc}]8;;http://a${esc}\\link${esc}]8;;${esc}\\`, "link"],
  [`${esc}]0;never ends`, "0;never ends"],
  [`${esc}cfull reset`, "full reset"],
  [`${esc}(0lqk`, "lqk"],
  [`end${esc}`, "end"],
  [`${esc}[31`, "31"],
  [`${esc}${esc}[[31mx`, "31mx"],
  ["a\x07\x08\x00b\x7f", "ab"],
  ["windows\r", "windows"],
  ["10%\r20%\r\n30%", "10% 20% 30%"],
  ["a\u2028b", "a b"],
  ["ev\u202Eil\u202C \u2066x\u2069\u200f", "evil x"],
  ["zero\u200bwidth\ufeff", "zerowidth"],
  ["a\tb", "a       b"],
  ["12345678\tb", "12345678        b"],
  ["漢\tb", "漢      b"],
  ["half \ud83d pair", "half \ufffd pair"],
  ["Grüße 👩‍👩‍👧 漢字", "Grüße 👩‍👩‍👧 漢字"],
  ["tag\u{e0041}s", "tags"],
])("makes %j into %j", (text, expected) => {
  expect(sanitize(text)).toBe(expected);
});

it("lets nothing through that steers a terminal, whatever comes", () => {
  const hostile = fc.constantFrom(
    esc,
    "[",
    "]",
    "P",
    "m",
    "31",
    ";",
    "\x07",
    "\x9b",
    "\x9c",
    "\x9d",
    "\\",
    "\r",
    "\t",
    "a",
    "é",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(hostile, fc.string({ unit: "binary" }))), (parts) => {
      expect(sanitize(parts.join(""))).not.toMatch(
        /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u,
      );
      const coloured = sanitizeKeepingColour(parts.join(""));
      expect(coloured.replace(/\x1b\[[0-9;]{1,200}m/g, "")).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
      expect(coloured.replace(/\x1b\[[0-9;]{1,200}m/g, "")).toBe(sanitize(coloured));
    }),
  );
});

it.each([
  [`${esc}[31mred${esc}[0m`, `${esc}[31mred${esc}[0m`],
  [`${esc}[mreset`, `${esc}[0mreset`],
  [`${esc}[1;31mopen`, `${esc}[1;31mopen${esc}[0m`],
  [`\x9b32mgreen`, `${esc}[32mgreen${esc}[0m`],
  [`${esc}[38;5;8mgrey`, `${esc}[38;5;8mgrey${esc}[0m`],
  [`${esc}[38;2;1;2;3;1mrgb`, `${esc}[38;2;1;2;3;1mrgb${esc}[0m`],
  [`${esc}[8mhidden`, "hidden"],
  [`${esc}[5;31mblink`, `${esc}[31mblink${esc}[0m`],
  [`${esc}[38;7;1mbroken`, "broken"],
  [`${esc}[38;5;999mbroken`, "broken"],
  [`${esc}[2J${esc}[1;1H${esc}[31mx`, `${esc}[31mx${esc}[0m`],
  [`${esc}[?31mprivate`, "private"],
  [`ab${esc}[31m\tc`, `ab${esc}[31m      c${esc}[0m`],
])("keeps the colour of %j", (text, expected) => {
  expect(sanitizeKeepingColour(text)).toBe(expected);
});

it.each([
  ["introducers", `${esc}]`.repeat(500_000)],
  ["8-bit introducers", "\x9d".repeat(1_000_000)],
  ["device control", "\x90".repeat(1_000_000)],
  ["control sequences without end", `${esc}[${"0".repeat(1_000_000)}`],
  ["carriage returns", `${"\r".repeat(1_000_000)}x`],
])("takes a megabyte of %s in its stride", (_, text) => {
  const started = performance.now();
  sanitize(text);
  sanitizeKeepingColour(text);
  expect(performance.now() - started).toBeLessThan(5000);
});
