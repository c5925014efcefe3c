import { expect, it } from "vitest";
import { screenText } from "../../../src/format/screen-text.ts";

it.each([
  ["plain text", "plain text"],
  ["漢字 👍 ok", "漢字 👍 ok"],
  ["thumbs 👍🏽 up", "thumbs 👍 up"],
  ["👨‍👩‍👧‍👦 and 👩🏽‍🚒", "👨 and 👩"],
  ["⚠️ 1️⃣ ❤️", "⚠ 1 ❤"],
  ["🇩🇪", "DE"],
  ["क्‍ष é", "क्‍ष é"],
  ["\u001b[31mred\u202e", "red"],
])("shows %j as %j", (text, shown) => {
  expect(screenText(text)).toBe(shown);
});
