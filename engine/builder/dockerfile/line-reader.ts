import { trim, trimStart } from "./blanks.ts";
import { DirectiveReader } from "./directives.ts";
import { atLine, refuse } from "./failure.ts";
import { type HeredocWord, type RawHeredoc, withoutTabs } from "./heredocs.ts";
import type { Lines } from "./types.ts";

/** Bytes of a line: docker's own limit. */
const longestLine = 65_535;

/** An instruction's text: its lines joined, comments taken out. */
export type LogicalLine = {
  readonly text: string;
  readonly lines: Lines;
  /** Before it, without their `#`. An empty comment parts them from what was before. */
  readonly comments: readonly string[];
};

/** Reads the lines of a Dockerfile, and joins those that belong together. */
export class LineReader {
  readonly emptyContinuations: number[] = [];
  readonly #text: string;
  readonly #directives = new DirectiveReader();
  #at = 0;
  /** Lines read. */
  #count = 0;

  constructor(text: string, escapeToken: "\\" | "`" = "\\") {
    this.#text = text.startsWith("\ufeff") ? text.slice(1) : text;
    this.#directives.directives.escape = escapeToken;
  }

  get directives() {
    return this.#directives.directives;
  }

  get line(): number {
    return this.#count;
  }

  /** The next instruction, or null at the end. */
  next(): LogicalLine | null {
    let comments: string[] = [];
    for (;;) {
      const line = this.#readLine();
      if (line === null) return null;
      const content = trimStart(withoutEnd(line));
      const isDirective = this.#takeDirective(content);
      if (content.startsWith("#")) {
        if (!isDirective) comments = addComment(comments, line);
        continue;
      }
      if (content === "") continue;
      const first = this.#count;
      return { text: this.#join(content), lines: { first, last: this.#count }, comments };
    }
  }

  /** Takes the lines up to the heredoc's own name. Fails with `invalid-argument` where it never comes. */
  readHeredoc(word: HeredocWord): RawHeredoc {
    const lines: string[] = [];
    for (;;) {
      const line = this.#readLine() ?? refuse("unterminated heredoc");
      const content = withoutEnd(line);
      if ((word.chomps ? withoutTabs(content) : content) === word.name) return { ...word, raw: lines.join("") };
      lines.push(line);
    }
  }

  #join(first: string): string {
    let piece = this.#continued(first);
    const pieces = [piece ?? first];
    let hasEmpty = false;
    while (piece !== null) {
      const line = this.#readLine();
      if (line === null) break;
      const content = withoutEnd(line);
      const start = trimStart(content);
      if (start.startsWith("#")) continue;
      hasEmpty ||= start === "";
      if (start === "") continue;
      piece = this.#continued(content);
      pieces.push(piece ?? content);
    }
    if (hasEmpty) this.emptyContinuations.push(this.#count);
    return pieces.join("");
  }

  /** The line without the escape at its end; null where it has none, or one that is escaped itself. */
  #continued(line: string): string | null {
    let end = line.length;
    while (line[end - 1] === " " || line[end - 1] === "\t") end--;
    const { escape: escapeToken } = this.directives;
    return line[end - 1] === escapeToken && line[end - 2] !== escapeToken ? line.slice(0, end - 1) : null;
  }

  #takeDirective(content: string): boolean {
    return atLine(this.#count, () => this.#directives.take(content));
  }

  /** With its end. */
  #readLine(): string | null {
    if (this.#at >= this.#text.length) return null;
    const end = this.#text.indexOf("\n", this.#at);
    const line = this.#text.slice(this.#at, end === -1 ? undefined : end + 1);
    this.#at += line.length;
    this.#count++;
    atLine(this.#count, () => checkLine(line));
    return line;
  }
}

function checkLine(line: string): void {
  if (line.length * 3 > longestLine && Buffer.byteLength(line) > longestLine) {
    refuse(`dockerfile line greater than max allowed size of ${longestLine}`);
  }
  if (line.includes("\0")) refuse("a NUL character");
}

function withoutEnd(line: string): string {
  let end = line.length;
  while (line[end - 1] === "\n" || line[end - 1] === "\r") end--;
  return line.slice(0, end);
}

function addComment(comments: string[], line: string): string[] {
  const comment = trim(trimStart(line).slice(1));
  if (comment === "") return [];
  comments.push(comment);
  return comments;
}
