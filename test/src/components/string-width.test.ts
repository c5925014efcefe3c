import fc from "fast-check";
import measure from "string-width";
import { expect, it } from "vitest";
import stringWidth from "../../../src/components/string-width.ts";

const pieces = fc.constantFrom(
  ..."a 1#─│╭█⠓⣿●○→·…✓é漢字한👍🇩🇪👨‍👩‍👧".split(""),
  "\u0301",
  "\u200d",
  "\ufe0f",
  "\u20e3",
  "👍🏽",
  "🇩🇪",
  "👨‍👩‍👧",
  "\u001b[1m",
  "\u001b[38;2;1;2;3m",
  "\u001b[39m",
  "\u001b[2K",
  "\u001b",
  "\n",
  "\t",
  "\u200b",
  "ก็",
  "\u1160",
);

it("gives the same answers as the package", () => {
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      expect(stringWidth(text)).toBe(measure(text));
    }),
    { numRuns: 5_000 },
  );
});
