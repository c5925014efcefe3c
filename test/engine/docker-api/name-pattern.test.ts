import { describe, expect, it } from "vitest";
import { matchesAnyName } from "../../../engine/docker-api/name-pattern.ts";

describe("a filter by name", () => {
  it.each([
    [["web"], "my-web-1", true],
    [["^web"], "my-web-1", false],
    [["^my-(web|db)-1$"], "my-db-1", true],
    [["db", "web"], "my-web-1", true],
    [["my.*1"], "my-web-1", true],
    [["[a-z]+-web"], "my-web-1", true],
    [["my-web-1"], "my-web-1", true],
    // No regular expression: only itself.
    [["(web"], "my-web-1", false],
    [["(web"], "(web", true],
    [[], "my-web-1", false],
  ])("%j of %s: %s", (patterns, name, fits) => {
    expect(matchesAnyName(patterns, name)).toBe(fits);
  });

  it.each(["(a+)+$", "(a*)*b", "a*a*a*a*b", "(x{1,9}){1,9}", "a".repeat(600)])(
    "refuses %s, which could take for ever",
    (text) => {
      expect(() => matchesAnyName([text], "aaaaaaaaaaaaaaaaaaaaaaaaaaaa")).toThrow("too complicated");
    },
  );
});
