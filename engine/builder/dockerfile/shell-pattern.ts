import type { Budget } from "./budget.ts";
import { refuse } from "./failure.ts";

/** One character of a pattern. */
type Piece = { readonly character: string } | "any" | "many";

/**
 * Pattern of `${x#pattern}`: `*` is any text of a line, `?` any character of it, a backslash takes `*`, `?` and a backslash their meaning.
 * There are no brackets (docker's reference, "Environment replacement"). Fails with `invalid-argument`.
 */
export type ShellPattern = readonly Piece[];

export function parsePattern(pattern: string): ShellPattern {
  const pieces: Piece[] = [];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "*") pieces.push("many");
    else if (character === "?") pieces.push("any");
    else if (character !== "\\") pieces.push({ character });
    else {
      // `}` and `/` had to be escaped to get here: their backslash is no part of the pattern.
      const next = characters[++at] ?? "";
      if (!["*", "?", "\\", "}", "/"].includes(next) || next === "") {
        refuse(`invalid pattern (${pattern.slice(0, 200)}) in substitution: invalid escape '\\${next}'`);
      }
      pieces.push({ character: next });
    }
  }
  return pieces;
}

/** `value` without what the pattern takes of its start, at least or at most. */
export function withoutPrefix(value: string, pattern: ShellPattern, longest: boolean, budget: Budget): string {
  const text = charactersOf(value, budget);
  const end = findEnd(text, 0, pattern, longest, budget);
  return end === null ? value : text.slice(end).join("");
}

/** The same of its end. */
export function withoutSuffix(value: string, pattern: ShellPattern, longest: boolean, budget: Budget): string {
  const text = charactersOf(value, budget).reverse();
  const end = findEnd(text, 0, pattern.toReversed(), longest, budget);
  return end === null ? value : text.slice(end).reverse().join("");
}

type Replacement = { readonly text: string; readonly all: boolean };

/** The first piece of `value`, or each, that the pattern takes, from the left and as long as can be, made `replacement`. */
export function replacePattern(value: string, pattern: ShellPattern, replacement: Replacement, budget: Budget): string {
  const text = charactersOf(value, budget);
  const parts: string[] = [];
  let copied = 0;
  let lastEnd = -1;
  for (let at = 0; at <= text.length; at++) {
    const end = findEnd(text, at, pattern, true, budget);
    // What takes nothing takes it not right after what was replaced.
    if (end === null || (end === at && at === lastEnd)) continue;
    parts.push(...text.slice(copied, at), budget.takeText(replacement.text));
    copied = end;
    lastEnd = end;
    if (!replacement.all) break;
    if (end > at) at = end - 1;
  }
  return parts.concat(text.slice(copied)).join("");
}

function charactersOf(value: string, budget: Budget): string[] {
  budget.takeSteps(value.length);
  return Array.from(value);
}

/**
 * Where a match from `start` on ends, at the earliest or the latest; null where there is none. Goes through all ends at once, a piece of the
 * pattern at a time: the cost is the product of the lengths at most.
 */
function findEnd(
  text: readonly string[],
  start: number,
  pattern: ShellPattern,
  longest: boolean,
  budget: Budget,
): number | null {
  let ends = [start];
  for (const piece of pattern) {
    budget.takeSteps(ends.length);
    ends = piece === "many" ? manyFrom(text, ends, budget) : oneFrom(text, ends, piece);
    if (ends.length === 0) return null;
  }
  return (longest ? ends.at(-1) : ends[0]) ?? null;
}

/** ends: rising. */
function oneFrom(text: readonly string[], ends: readonly number[], piece: Exclude<Piece, "many">): number[] {
  const fits = (end: number): boolean =>
    end < text.length && (piece === "any" ? text[end] !== "\n" : text[end] === piece.character);
  return ends.filter(fits).map((end) => end + 1);
}

function manyFrom(text: readonly string[], ends: readonly number[], budget: Budget): number[] {
  const all: number[] = [];
  let next = 0;
  for (const end of ends) {
    if (end < next) continue;
    all.push(end);
    next = end + 1;
    while (next <= text.length && text[next - 1] !== "\n") all.push(next++);
  }
  budget.takeSteps(all.length);
  return all;
}
