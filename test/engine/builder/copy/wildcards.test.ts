import { expect, it } from "vitest";
import {
  anyDirectories,
  anyName,
  anyRest,
  compileWildcards,
  type WildcardToken,
} from "../../../../engine/builder/copy/wildcards.ts";

const one = (source: string): WildcardToken => ({ kind: "one", source });
const parts = [anyName, anyRest, anyDirectories, one("a"), one("b"), one("/"), one("[^/]"), one("[ab]")];

/** Numbers that are the same in each run. */
function* numbers(): Generator<number> {
  for (let state = 1; ; state = (state * 48_271) % 2_147_483_647) yield state;
}

it("matches what a regular expression would", () => {
  const random = numbers();
  const below = (limit: number) => (random.next().value ?? 0) % limit;
  let matches = 0;
  for (let round = 0; round < 5_000; round++) {
    const tokens = Array.from({ length: 3 + below(5) }, () => parts[below(parts.length)] ?? anyName);
    // Three of these are too many for one.
    const many = [...tokens, anyName, anyName, anyName];
    const text = Array.from({ length: below(8) }, () => "ab/ä"[below(4)]).join("");
    const expected = new RegExp(`^${many.map(({ source }) => source).join("")}$`, "u").test(text);
    expect([many.map(({ source }) => source).join(" "), text, compileWildcards(many)(text)]).toEqual([
      many.map(({ source }) => source).join(" "),
      text,
      expected,
    ]);
    if (expected) matches++;
  }
  expect(matches).toBeGreaterThan(300);
});
