import { EngineError } from "../../errors.ts";
import { anyName, compileWildcards, type WildcardToken } from "./wildcards.ts";

/** The shortest path that names the same, as Go's path.Clean: `.` for nothing, no trailing slash. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  const isAbsolute = path.startsWith("/");
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!isAbsolute) parts.push(part);
  }
  const clean = parts.join("/");
  if (isAbsolute) return `/${clean}`;
  return clean === "" ? "." : clean;
}

/** A path below the root that it is in: `..` stops there. Without a leading slash, empty for the root. */
export function rootedPath(path: string): string {
  return cleanPath(`/${path}`).slice(1);
}

/** Whether a name is a pattern of Go's filepath.Match rather than just a name. */
export function hasWildcards(name: string): boolean {
  return /^(?:[^\\*?[]|\\.)*[*?[]/s.test(name);
}

/**
 * Compiles one name of a pattern of Go's filepath.Match: `*`, `?`, `[a-z]`, `[^a]` and `\` before any of them. Fails with
 * `invalid-argument`.
 */
export function compileName(pattern: string): (name: string) => boolean {
  const characters = [...pattern];
  const tokens: WildcardToken[] = [];
  for (let at = 0; at < characters.length; at++) {
    const { token, end } = readPart(characters, at, pattern);
    tokens.push(token);
    at = end;
  }
  return compileWildcards(tokens);
}

/** One part of a pattern, from where it begins to its last character. */
export function readPart(
  characters: readonly string[],
  at: number,
  pattern: string,
): { token: WildcardToken; end: number } {
  const character = characters[at] ?? "";
  if (character === "*") return { token: anyName, end: at };
  if (character === "?") return { token: { kind: "one", source: "[^/]" }, end: at };
  if (character === "[") {
    const { source, end } = readSet(characters, at, pattern);
    return { token: { kind: "one", source }, end };
  }
  const end = character === "\\" ? at + 1 : at;
  return { token: { kind: "one", source: escapeCharacter(characters[end] ?? fail(pattern)) }, end };
}

/** From a `[` to its `]`. */
function readSet(characters: readonly string[], start: number, pattern: string): { source: string; end: number } {
  let at = start + 1;
  const isNegated = characters[at] === "^";
  if (isNegated) at++;
  let ranges = "";
  const next = (): string => {
    const character = characters[at++] ?? fail(pattern);
    if (character === "-" || (character === "]" && ranges !== "")) return fail(pattern);
    return character === "\\" ? (characters[at++] ?? fail(pattern)) : character;
  };
  while (characters[at] !== "]" || ranges === "") {
    const low = next();
    let high = low;
    if (characters[at] === "-") {
      at++;
      high = next();
    }
    // A range the wrong way round has nothing in it.
    ranges += low <= high ? `${escapeInSet(low)}-${escapeInSet(high)}` : "";
    if (ranges === "") ranges = "\\u{10ffff}-\\u{10ffff}";
  }
  return { source: `[${isNegated ? "^" : ""}${ranges}]`, end: at };
}

function fail(pattern: string): never {
  throw new EngineError("invalid-argument", `syntax error in pattern ${JSON.stringify(pattern)}`);
}

function escapeCharacter(character: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

function escapeInSet(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
