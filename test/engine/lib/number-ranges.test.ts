import { expect, it } from "vitest";
import { parseRanges } from "../../../engine/lib/number-ranges.ts";

it.each([
  ["0", [0]],
  ["0-2,8\n", [0, 1, 2, 8]],
  ["", null],
  ["2-1", null],
  ["1,", null],
  ["-1", null],
  ["0x1", null],
])("reads %j", (text, numbers) => {
  expect(parseRanges(text)).toEqual(numbers);
});
