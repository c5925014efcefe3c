import { isBlank, splitAtBlanks, trim } from "./blanks.ts";
import { refuse } from "./failure.ts";

export type Statement = {
  /** As written. */
  readonly keyword: string;
  /** `--x=y`, without quotes and escapes. */
  readonly flags: readonly string[];
  readonly rest: string;
};

/** Takes an instruction apart. text: with continuation lines joined. */
export function splitStatement(text: string, escapeToken: string): Statement {
  const [keyword, after] = splitAtBlanks(trim(text));
  if (after === null) return { keyword, flags: [], rest: "" };
  const { flags, end } = readFlagWords(after, escapeToken);
  return { keyword, flags, rest: trim(after.slice(end)) };
}

/** Words that begin with `--`, up to the first other word or a lone `--`. */
function readFlagWords(text: string, escapeToken: string): { flags: string[]; end: number } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isBlank(text.charAt(at))) at++;
    if (!text.startsWith("--", at)) return { flags, end: at };
    const { word, end } = readUnquoted(text, at, escapeToken);
    at = end;
    if (word === "--") return { flags, end: at };
    flags.push(word);
  }
}

function readUnquoted(text: string, start: number, escapeToken: string): { word: string; end: number } {
  let word = "";
  let quote = "";
  let at = start;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === "" && isBlank(character)) break;
    if (character === escapeToken) word += text.charAt(++at);
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
    else word += character;
  }
  return { word, end: Math.min(at, text.length) };
}

/** Splits at blanks that are not quoted. Quotes and escapes stay: they go when variables are expanded. */
export function splitQuoted(text: string, escapeToken: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length; ) {
    if (isBlank(text.charAt(at))) {
      at++;
      continue;
    }
    const end = endOfQuoted(text, at, escapeToken);
    const word = text.slice(at, end);
    // An escape that ends the text is dropped.
    const isCut = end > text.length;
    if (!isCut || word.length > 1) words.push(isCut ? word.slice(0, -1) : word);
    at = end;
  }
  return words;
}

/** Of the word that begins at `start`; behind the text's own end where an escape has nothing to escape. */
function endOfQuoted(text: string, start: number, escapeToken: string): number {
  let quote = "";
  let at = start;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === "" && isBlank(character)) break;
    if (character === escapeToken && quote !== "'") at++;
    else if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
  }
  return at;
}

/** Splits at any blanks of ASCII; none at all gives no word. */
export function splitPlain(text: string): string[] {
  return text === "" ? [] : text.split(/[\t\v\f\r ]+/);
}

/**
 * The strings of a JSON array, or null where the text is none: then it is the shell form. Fails with `invalid-argument` for an array with
 * other things in it.
 */
export function findJsonWords(text: string): string[] | null {
  if (!text.startsWith("[")) return null;
  const values = parseArray(text);
  if (values === null) return null;
  return values.map((value) =>
    typeof value === "string"
      ? value.toWellFormed()
      : refuse("when using JSON array syntax, arrays must be comprised of strings only"),
  );
}

function parseArray(text: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
