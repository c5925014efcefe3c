import { EngineError } from "../errors.ts";

const longestPattern = 512;
/** Each may cost one pass over the text for each character of it. */
const mostRepetitions = 2;

/**
 * docker's filters by name: a regular expression that may hold anywhere; what is none fits only itself. Of a pattern that could keep a
 * backtracking matcher busy (a group that repeats, many repetitions): fails with `invalid-argument`.
 */
export function matchesAnyName(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => pattern === name || compilePattern(pattern)?.test(name) === true);
}

function compilePattern(pattern: string): RegExp | null {
  const bare = pattern.replaceAll(/\\./g, "_").replaceAll(/\[[^\]]*\]/g, "_");
  const repetitions = bare.match(/[*+?{]/g)?.length ?? 0;
  if (pattern.length > longestPattern || repetitions > mostRepetitions || /\)[*+?{]/.test(bare)) {
    throw new EngineError("invalid-argument", `filter ${JSON.stringify(pattern.slice(0, 80))} is too complicated`, {
      hint: "give a part of the name",
    });
  }
  try {
    return new RegExp(pattern);
  } catch {
    return null;
  }
}
