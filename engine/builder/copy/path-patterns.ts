import { EngineError } from "../../errors.ts";
import { cleanPath, compileName, readPart } from "./go-path.ts";
import { anyDirectories, anyRest, compileWildcards, type WildcardToken } from "./wildcards.ts";

/** Which patterns matched a directory: what lies in it is matched by them, too. */
export type PatternState = readonly boolean[];
export type PatternMatch = { readonly isMatched: boolean; readonly state: PatternState };

type Pattern = {
  readonly isException: boolean;
  readonly matches: (path: string) => boolean;
  /** Leading names that any path it matches has; all of them where it is no wildcard at all. */
  readonly literal: readonly string[];
};

/**
 * Lines of a .dockerignore: of those that match a path, or one of its parents, the last one decides; `!` makes it an exception. As docker
 * does it (moby/patternmatcher), with its ways of `**`: at the begin it is any directories, or any begin of a name where no other wildcard
 * follows; at the end it is everything below. Paths are text, relative to the top. Fails with `invalid-argument`.
 */
export class PathPatterns {
  readonly #patterns: readonly Pattern[];
  readonly hasExceptions: boolean;

  constructor(lines: readonly string[]) {
    this.#patterns = lines.map((line) => line.trim()).flatMap((line) => (line === "" ? [] : [parsePattern(line)]));
    this.hasExceptions = this.#patterns.some((pattern) => pattern.isException);
  }

  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  /** `parent`: what was found for the directory it lies in; null at the top. */
  match(path: string, parent: PatternState | null): PatternMatch {
    let isMatched = false;
    const state: boolean[] = [];
    for (const [index, pattern] of this.#patterns.entries()) {
      // What would change nothing is not asked.
      const match = parent?.[index] === true || (pattern.isException === isMatched && pattern.matches(path));
      state.push(match);
      if (match) isMatched = !pattern.isException;
    }
    return { isMatched, state };
  }

  /** The same of a path by itself. */
  matchWhole(path: string): PatternMatch {
    let found: PatternMatch = { isMatched: false, state: this.#patterns.map(() => false) };
    const names = path.split("/");
    for (let count = 1; count <= names.length; count++)
      found = this.match(names.slice(0, count).join("/"), found.state);
    return found;
  }

  /** False where no exception can be for anything below a directory. */
  canExceptBelow(directory: string): boolean {
    return this.hasExceptions && this.#reaches(directory, true);
  }

  /** False where no pattern can match anything below a directory that is not matched itself. */
  canMatchBelow(directory: string): boolean {
    return this.#reaches(directory, false);
  }

  #reaches(directory: string, isException: boolean): boolean {
    const names = directory.split("/");
    return this.#patterns.some(
      (pattern) =>
        pattern.isException === isException &&
        names.every((name, index) => index >= pattern.literal.length || pattern.literal[index] === name),
    );
  }
}

function parsePattern(line: string): Pattern {
  let pattern = cleanPath(line);
  const isException = pattern.startsWith("!");
  if (isException) pattern = pattern.slice(1);
  if (isException && pattern === "") throw new EngineError("invalid-argument", 'illegal exclusion pattern: "!"');
  for (const name of pattern.split("/")) compileName(name);
  const names = pattern.split("/");
  const wild = names.findIndex((name) => /[*?[\\]/.test(name));
  return { isException, matches: compilePattern(pattern), literal: wild === -1 ? names : names.slice(0, wild) };
}

function compilePattern(pattern: string): (path: string) => boolean {
  const { kind, tokens } = translate(pattern);
  if (kind === "exact") return (path) => path === pattern;
  if (kind === "prefix") {
    const prefix = pattern.slice(0, -2);
    return (path) => path.startsWith(prefix);
  }
  if (kind === "suffix") {
    const suffix = pattern.slice(2);
    return (path) => path.endsWith(suffix) || (suffix.startsWith("/") && path === suffix.slice(1));
  }
  return compileWildcards(tokens);
}

/** What a pattern is made of, and whether something simpler says the same. */
type Translation = { kind: "exact" | "prefix" | "suffix" | "expression"; readonly tokens: WildcardToken[] };

function translate(pattern: string): Translation {
  const characters = [...pattern];
  const made: Translation = { kind: "exact", tokens: [] };
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    const next = characters[at + 1];
    if (character === "*" && next === "*") {
      const end = characters[at + 2] === "/" ? at + 2 : at + 1;
      addDoubleStar(made, { isFirst: at === 0, isLast: end === characters.length - 1 });
      at = end;
    } else {
      const read = readPart(characters, at, pattern);
      made.tokens.push(read.token);
      if (/[*?[\\]/.test(character)) made.kind = "expression";
      at = read.end;
    }
  }
  return made;
}

function addDoubleStar(made: Translation, { isFirst, isLast }: { isFirst: boolean; isLast: boolean }): void {
  made.tokens.push(isLast ? anyRest : anyDirectories);
  made.kind = isLast && made.kind === "exact" ? "prefix" : "expression";
  if (isFirst) made.kind = "suffix";
}
