import { expect, it } from "vitest";
import { compileGlob } from "../../../engine/docker-api/glob.ts";

it.each([
  ["busybox", "busybox", true],
  ["busy*", "busybox", true],
  ["busy*", "busybox/box", false],
  ["*/*", "team/web", true],
  ["*box:1.?", "busybox:1.2", true],
  ["*box:1.?", "busybox:1.23", false],
  ["*a*b", "xaxaxb", true],
  ["*a*b", "xaxaxbc", false],
  ["[a-c]x", "bx", true],
  ["[^a-c]x", "bx", false],
  ["[^a-c]x", "dx", true],
  ["\\*x", "*x", true],
  ["\\*x", "axx", false],
  ["", "", true],
  ["*", "", true],
  ["?", "", false],
])("takes %j for %j: %s", (pattern, text, fits) => {
  expect(compileGlob(pattern)(text)).toBe(fits);
});

it.each(["[a", "a[]", "x\\", "a".repeat(513)])("refuses the pattern %j, as Go does", (pattern) => {
  expect(() => compileGlob(pattern)).toThrow("syntax error in pattern");
});

it("does not search for ever where many stars could stand for many things", () => {
  const begun = performance.now();
  expect(compileGlob("*a".repeat(60))(`${"a".repeat(200)}b`)).toBe(false);
  expect(performance.now() - begun).toBeLessThan(1000);
});
