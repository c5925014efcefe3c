import { expect, it } from "vitest";
import { createName, parseName } from "../../../engine/containers/container-names.ts";

it("takes docker's names, a leading slash included", () => {
  expect(parseName("/web-1")).toBe("web-1");
  expect(parseName("a.b_c-D9")).toBe("a.b_c-D9");
});

it.each(["", "a", "-a", "a b", "a/b", "ä1", "a\u001b[31m", "a".repeat(300)])("refuses %j", (name) => {
  expect(() => parseName(name)).toThrow(/^container name .* is not valid$/s);
});

it("makes names that are not taken", () => {
  const taken = new Set<string>();
  for (let count = 0; count < 5000; count++) taken.add(createName((name) => taken.has(name)));
  expect(taken.size).toBe(5000);
  for (const name of taken) expect(parseName(name)).toBe(name);
});
