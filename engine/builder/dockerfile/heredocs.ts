import { Budget } from "./budget.ts";
import { readShellWord, type ShellWord } from "./shell-word.ts";
import type { Heredoc } from "./types.ts";

export type HeredocWord = {
  readonly name: string;
  readonly expand: boolean;
  /** `<<-`: leading tabs go. */
  readonly chomps: boolean;
};

/** With its content as written. */
export type RawHeredoc = HeredocWord & { readonly raw: string };

const nothing = (): undefined => undefined;

/** The heredocs that an instruction begins, in their order. text: the whole instruction, with continuation lines joined. */
export function findHeredocs(text: string): HeredocWord[] {
  if (!text.includes("<<")) return [];
  const words = readOrNull(text, { keepsQuotes: true, keepsEscapes: true })?.words ?? [];
  return words.flatMap((word) => findHeredoc(word) ?? []);
}

/** Reads `<<EOF`, `3<<-"EOF"`; null for any other word. */
export function findHeredoc(word: string): HeredocWord | null {
  let at = 0;
  while (word.charCodeAt(at) >= 0x30 && word.charCodeAt(at) <= 0x39) at++;
  if (!word.startsWith("<<", at)) return null;
  at += 2;
  const chomps = word[at] === "-";
  const rest = word.slice(chomps ? at + 1 : at).replace(/^[\t\n\f\r ]+/, "");
  if (rest === "" || rest.includes("<")) return null;
  const plain = readOrNull(rest, {});
  const quoted = readOrNull(rest, { keepsQuotes: true });
  const [name, ...others] = plain?.words ?? [];
  if (name === undefined || others.length > 0) return null;
  // Fewer quotes in the name than in what was written: some of it was quoted.
  return { name, expand: countQuotes(name) === countQuotes(quoted?.words[0] ?? name), chomps };
}

export function toHeredoc({ name, expand, chomps, raw }: RawHeredoc): Heredoc {
  return { name, expand, content: chomps ? raw.split("\n").map(withoutTabs).join("\n") : raw };
}

export function withoutTabs(line: string): string {
  return line.replace(/^\t+/, "");
}

/** `<<` with their contents as they were written, on lines of their own. */
export function withHeredocs(text: string, heredocs: readonly RawHeredoc[]): string {
  return [text, ...heredocs.map(({ raw, name }) => `\n${raw}${name}`)].join("");
}

function countQuotes(text: string): number {
  return text.split(/['"]/).length;
}

function readOrNull(text: string, keeps: { keepsQuotes?: boolean; keepsEscapes?: boolean }): ShellWord | null {
  try {
    return readShellWord(text, {
      escapeToken: "\\",
      lookup: nothing,
      budget: new Budget(),
      keepsUnset: true,
      splits: true,
      ...keeps,
    });
  } catch {
    // A line that no shell would read has no heredocs.
    return null;
  }
}
