import { UsageError } from "../parse/usage-error.ts";

/** Text that is printed as it is, or the inside of an action `{{…}}` as tokens. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly tokens: readonly string[] };

/** Splits a Go template. `{{-` and `-}}` eat the blanks beside them. */
export function splitTemplate(template: string): Piece[] {
  const pieces: Piece[] = [];
  const pattern = /\{\{(-\s)?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|(?!\}\}).)*?)(\s-)?\}\}/gs;
  let position = 0;
  let trimNext = false;
  const addText = (text: string, trimEnd: boolean) => {
    const left = trimNext ? text.trimStart() : text;
    const trimmed = trimEnd ? left.trimEnd() : left;
    if (trimmed !== "") pieces.push({ kind: "text", text: trimmed });
  };
  for (const match of template.matchAll(pattern)) {
    addText(template.slice(position, match.index), match[1] !== undefined);
    trimNext = match[3] !== undefined;
    const action = match[2] ?? "";
    // A comment is all there is in its action.
    if (!/^\/\*.*\*\/$/s.test(action.trim())) pieces.push({ kind: "action", tokens: tokenize(action) });
    position = match.index + match[0].length;
  }
  const rest = template.slice(position);
  if (rest.includes("{{")) throw new UsageError(`template "${template}": an action is not closed`, 1);
  addText(rest, false);
  return pieces;
}

/** Strings, `$name.path`, `.path`, words, numbers, and the signs `( ) ).path | := ,`. */
function tokenize(action: string): string[] {
  const pattern =
    /"(?:[^"\\]|\\.)*"|`[^`]*`|:=|=|\)(?:\.\w+)+|[(),|]|\$?[\w$]*(?:\.[\w]*)+|\$\w*|'(?:[^'\\]|\\.)+'|[+-]?\d[\w.]*(?:(?<=\d[eE])[+-]\d+)?|-?[\w.]+|\S/g;
  return action.match(pattern) ?? [];
}
