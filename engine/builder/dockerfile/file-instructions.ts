import { refuse } from "./failure.ts";
import { readFlags } from "./flags.ts";
import { findHeredoc, type RawHeredoc, toHeredoc } from "./heredocs.ts";
import type { Source } from "./source.ts";
import type { FileInstruction, Heredoc } from "./types.ts";
import { findJsonWords, splitPlain } from "./words.ts";

export function readCopy(source: Source): FileInstruction {
  const words = readWords(source);
  const { text, boolean, many } = readFlags(source.flags, {
    chown: "text",
    from: "text",
    chmod: "text",
    link: "boolean",
    exclude: "many",
    parents: "boolean",
  });
  return {
    ...source.common,
    name: "COPY",
    ...placesOf(words, source),
    from: checkFrom(text("from")),
    chown: text("chown"),
    chmod: text("chmod"),
    link: boolean("link") ?? false,
    parents: boolean("parents") ?? false,
    excludes: many("exclude"),
    checksum: null,
    keepGitDirectory: false,
    unpack: null,
  };
}

export function readAdd(source: Source): FileInstruction {
  const words = readWords(source);
  const { text, boolean, many } = readFlags(source.flags, {
    chown: "text",
    chmod: "text",
    link: "boolean",
    "keep-git-dir": "boolean",
    checksum: "text",
    unpack: "boolean",
    exclude: "many",
  });
  return {
    ...source.common,
    name: "ADD",
    ...placesOf(words, source),
    from: null,
    chown: text("chown"),
    chmod: text("chmod"),
    link: boolean("link") ?? false,
    parents: false,
    excludes: many("exclude"),
    checksum: text("checksum"),
    keepGitDirectory: boolean("keep-git-dir") ?? false,
    unpack: boolean("unpack"),
  };
}

function readWords({ name, rest }: Source): string[] {
  const words = findJsonWords(rest) ?? splitPlain(rest);
  if (words.length >= 2) return words;
  return refuse(
    `${name} requires at least two arguments, but only one was provided. Destination could not be determined`,
  );
}

type Places = {
  readonly sources: readonly string[];
  readonly target: string;
  readonly heredocs: readonly Heredoc[];
};

function placesOf(words: readonly string[], { name, heredocs }: Source): Places {
  const target = words.at(-1) ?? "";
  if (findHeredoc(target) !== null) refuse(`${name} cannot accept a heredoc as a destination`);
  // Of several with one name the last is meant.
  const known = new Map<string, RawHeredoc>(heredocs.map((heredoc) => [heredoc.name, heredoc]));
  const contents: Heredoc[] = [];
  const sources = words.slice(0, -1).map((word) => {
    const heredoc = findHeredoc(word);
    if (heredoc === null) return word;
    contents.push(toHeredoc({ ...heredoc, raw: known.get(heredoc.name)?.raw ?? "" }));
    return `<<${heredoc.name}`;
  });
  return { sources, target, heredocs: contents };
}

/** docker gives variables no meaning here, so that what a stage needs is known before anything runs. */
function checkFrom(from: string | null): string | null {
  if (from === null || !/[$'"\\]/.test(from)) return from;
  return refuse(
    "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
  );
}
