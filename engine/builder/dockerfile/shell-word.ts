import { isBlank } from "./blanks.ts";
import type { Budget } from "./budget.ts";
import { refuse } from "./failure.ts";
import { parsePattern, replacePattern, withoutPrefix, withoutSuffix } from "./shell-pattern.ts";
import type { Lookup } from "./types.ts";

export type WordOptions = {
  /** Takes the next character's meaning. */
  readonly escapeToken: string;
  readonly lookup: Lookup;
  readonly budget: Budget;
  /** Quotes stay in the result. */
  readonly keepsQuotes?: boolean;
  /** Escapes stay in the result. */
  readonly keepsEscapes?: boolean;
  /** Quotes are characters as any others. */
  readonly ignoresQuotes?: boolean;
  /** Variables that are not set stay as they are written. */
  readonly keepsUnset?: boolean;
  /** The result has words, too. */
  readonly splits?: boolean;
};

export type ShellWord = {
  readonly text: string;
  /** The same split at blanks that are not quoted; blanks of values split, too. None is empty. No words unless they are asked for. */
  readonly words: readonly string[];
};

/**
 * Resolves quotes, escapes and variables as a Dockerfile's builder does, which is nearly as a shell does (docker's reference, "Environment
 * replacement"). Fails with `invalid-argument`, in docker's words.
 */
export function readShellWord(source: string, options: WordOptions): ShellWord {
  return new WordReader(source, options).readAll();
}

/** The words read so far, and the one that has begun. */
class Words {
  readonly #words: string[] = [];
  #word = "";

  addText(text: string): void {
    for (const character of text) {
      if (isBlank(character)) this.#end();
      else this.#word += character;
    }
  }

  addRaw(text: string): void {
    this.#word += text;
  }

  #end(): void {
    if (this.#word !== "") this.#words.push(this.#word);
    this.#word = "";
  }

  finish(): string[] {
    this.#end();
    return this.#words;
  }
}

class WordReader {
  readonly #source: string;
  readonly #options: WordOptions;
  #at = 0;
  #keepsEscapes: boolean;

  constructor(source: string, options: WordOptions) {
    this.#source = source;
    this.#options = options;
    this.#keepsEscapes = options.keepsEscapes ?? false;
  }

  readAll(): ShellWord {
    return this.#readUntil("", this.#options.splits ?? false);
  }

  get #isAtEnd(): boolean {
    return this.#at >= this.#source.length;
  }

  #peek(): string {
    return this.#source.charAt(this.#at);
  }

  #next(): string {
    return this.#source.charAt(this.#at++);
  }

  /** stop: a character that ends it, and is taken; empty: goes to the end. */
  #readUntil(stop: string, hasWords: boolean): ShellWord {
    let text = "";
    const words = new Words();
    while (!this.#isAtEnd) {
      const character = this.#peek();
      if (character === stop) {
        this.#at++;
        return { text, words: words.finish() };
      }
      const piece = this.#readPiece(character);
      text += this.#options.budget.takeText(piece.text);
      if (!hasWords) continue;
      if (piece.splits) words.addText(piece.text);
      else words.addRaw(piece.text);
    }
    if (stop !== "") refuse(`unexpected end of statement while looking for matching ${stop}`);
    return { text, words: words.finish() };
  }

  #readPiece(character: string): { text: string; splits: boolean } {
    const hasQuotes = this.#options.ignoresQuotes !== true;
    if (character === "$") return { text: this.#readDollar(), splits: true };
    if (character === "<") return { text: this.#readLess(), splits: false };
    if (character === "'" && hasQuotes) return { text: this.#readSingleQuoted(), splits: false };
    if (character === '"' && hasQuotes) return { text: this.#readDoubleQuoted(), splits: false };
    this.#at++;
    if (character !== this.#options.escapeToken) return { text: character, splits: true };
    // An escape at the very end is dropped.
    return { text: (this.#keepsEscapes ? character : "") + this.#next(), splits: false };
  }

  /** Nothing is special between them: not even an escape. */
  #readSingleQuoted(): string {
    const end = this.#source.indexOf("'", this.#at + 1);
    if (end === -1) refuse("unexpected end of statement while looking for matching single-quote");
    const keeps = this.#options.keepsQuotes ?? false;
    const text = this.#source.slice(keeps ? this.#at : this.#at + 1, keeps ? end + 1 : end);
    this.#at = end + 1;
    return text;
  }

  /** Only `$`, and escapes of it, of the quote and of themselves. */
  #readDoubleQuoted(): string {
    const quote = this.#options.keepsQuotes ? '"' : "";
    this.#at++;
    let text = quote;
    while (!this.#isAtEnd) {
      const character = this.#peek();
      if (character === "$") {
        text += this.#options.budget.takeText(this.#readDollar());
        continue;
      }
      this.#at++;
      if (character === '"') return text + quote;
      text += character === this.#options.escapeToken ? this.#escapedInQuotes() : character;
    }
    return refuse("unexpected end of statement while looking for matching double-quote");
  }

  #escapedInQuotes(): string {
    const { escapeToken } = this.#options;
    const kept = this.#keepsEscapes ? escapeToken : "";
    if (this.#isAtEnd) return kept;
    const isEscapable = ['"', "$", escapeToken].includes(this.#peek());
    return kept + (isEscapable ? this.#next() : escapeToken);
  }

  /** `<<` with the blanks after it belongs to the word that follows: it is a heredoc's. */
  #readLess(): string {
    this.#at++;
    if (this.#peek() !== "<") return "<";
    const start = this.#at - 1;
    this.#at++;
    while (["\t", "\r", " "].includes(this.#peek())) this.#at++;
    return this.#source.slice(start, this.#at);
  }

  #readDollar(): string {
    this.#at++;
    if (this.#peek() !== "{") {
      const name = this.#readName();
      if (name === "") return "$";
      return this.#options.lookup(name) ?? (this.#options.keepsUnset ? `$${name}` : "");
    }
    this.#at++;
    if (this.#isAtEnd) refuse("syntax error: missing '}'");
    if (["{", "}", ":"].includes(this.#peek())) refuse("syntax error: bad substitution");
    return this.#options.budget.nest(() => this.#readBraced(this.#readName()));
  }

  #readBraced(name: string): string {
    const operator = this.#next();
    if (operator === "}") return this.#options.lookup(name) ?? (this.#options.keepsUnset ? `\${${name}}` : "");
    if (operator === "/") return this.#readReplacement(name);
    const isEmptyUnset = operator === ":";
    const kind = isEmptyUnset ? this.#next() : operator;
    const written = isEmptyUnset ? `:${kind}` : kind;
    const isPattern = kind === "#" || kind === "%";
    if (kind === "" || !"+-?#%".includes(kind) || (isEmptyUnset && isPattern)) {
      refuse(`unsupported modifier (${written}) in substitution`);
    }
    const word = this.#readWord("}", isPattern, "syntax error: missing '}'");
    const value = this.#options.lookup(name);
    if (value === undefined && this.#options.keepsUnset) return `\${${name}${written}${word}}`;
    return isPattern ? this.#trimmed(value ?? "", kind, word) : substitute({ name, value, isEmptyUnset, kind, word });
  }

  /** What a modifier is followed by. An unclosed one is told in the words for the whole of it. */
  #readWord(stop: string, keepsEscapes: boolean, unclosed: string): string {
    const before = this.#keepsEscapes;
    this.#keepsEscapes = keepsEscapes;
    try {
      return this.#readUntil(stop, false).text;
    } catch (error) {
      if (this.#isAtEnd) refuse(unclosed);
      throw error;
    } finally {
      this.#keepsEscapes = before;
    }
  }

  #trimmed(value: string, kind: string, word: string): string {
    const isLongest = word.startsWith(kind);
    const pattern = parsePattern(isLongest ? word.slice(1) : word);
    const trim = kind === "#" ? withoutPrefix : withoutSuffix;
    return trim(value, pattern, isLongest, this.#options.budget);
  }

  #readReplacement(name: string): string {
    const all = this.#peek() === "/";
    if (all) this.#at++;
    const pattern = this.#readWord("/", true, `syntax error: missing '/' in \${}`);
    const text = this.#readWord("}", true, "syntax error: missing '}'");
    const value = this.#options.lookup(name);
    if (value === undefined && this.#options.keepsUnset) return `\${${name}/${pattern}/${text}}`;
    return replacePattern(value ?? "", parsePattern(pattern), { text, all }, this.#options.budget);
  }

  /** Letters, digits and `_`; or digits alone; or one of the shell's special parameters. */
  #readName(): string {
    const rest = /[0-9]+|[@*#?\-$!]|[\p{L}\p{Nd}_]+/uy;
    rest.lastIndex = this.#at;
    const name = rest.exec(this.#source)?.[0] ?? "";
    this.#at += name.length;
    return name;
  }
}

type Substitution = {
  readonly name: string;
  readonly value: string | undefined;
  readonly isEmptyUnset: boolean;
  /** `-`, `+` or `?` */
  readonly kind: string;
  readonly word: string;
};

function substitute({ name, value, isEmptyUnset, kind, word }: Substitution): string {
  const isSet = value !== undefined && !(isEmptyUnset && value === "");
  if (kind === "+") return isSet ? word : "";
  if (kind === "-") return isSet ? value : word;
  if (isSet) return value;
  const why = value === undefined ? "is not allowed to be unset" : "is not allowed to be empty";
  return refuse(`${name}: ${word || why}`);
}
