/** Looks up a variable; undefined where it is not set. */
export type Lookup = (name: string) => string | undefined;

const variable = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::([-+])([^{}]*))?\})/;

/**
 * Splits a line as a Dockerfile does: at blanks, with single and double quotes and backslashes, `$NAME`, `${NAME}`, `${NAME:-else}`
 * and `${NAME:+then}` outside single quotes (docker's reference, "Environment replacement"). Throws an Error for an open quote.
 */
export function splitWords(line: string, lookup: Lookup): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; ) {
    const isBlank = line[at] === " " || line[at] === "\t";
    if (isBlank) {
      if (word !== null) words.push(word);
      word = null;
      at++;
      continue;
    }
    const piece = readPiece(line, at, lookup);
    word = (word ?? "") + piece.text;
    at = piece.end;
  }
  if (word !== null) words.push(word);
  return words;
}

/** The whole line as one word: quotes and variables are resolved, blanks stay. */
export function expandLine(line: string, lookup: Lookup): string {
  let text = "";
  for (let at = 0; at < line.length; ) {
    const piece = readPiece(line, at, lookup);
    text += piece.text;
    at = piece.end;
  }
  return text;
}

type Piece = { readonly text: string; readonly end: number };

function readPiece(line: string, at: number, lookup: Lookup): Piece {
  const character = line[at];
  if (character === "'") {
    const end = line.indexOf("'", at + 1);
    if (end === -1) throw new Error("a single quote is not closed");
    return { text: line.slice(at + 1, end), end: end + 1 };
  }
  if (character === '"') return readDoubleQuoted(line, at + 1, lookup);
  if (character === "\\") return { text: line[at + 1] ?? "\\", end: at + 2 };
  if (character === "$") return readVariable(line, at, lookup);
  return { text: character ?? "", end: at + 1 };
}

function readDoubleQuoted(line: string, from: number, lookup: Lookup): Piece {
  let text = "";
  for (let at = from; at < line.length; ) {
    const character = line[at] ?? "";
    const next = line[at + 1] ?? "";
    if (character === '"') return { text, end: at + 1 };
    // Inside double quotes a backslash is itself unless it protects one of these.
    if (character === "\\" && '"\\$'.includes(next) && next !== "") {
      text += next;
      at += 2;
      continue;
    }
    const piece = character === "$" ? readVariable(line, at, lookup) : { text: character, end: at + 1 };
    text += piece.text;
    at = piece.end;
  }
  throw new Error("a double quote is not closed");
}

function readVariable(line: string, at: number, lookup: Lookup): Piece {
  const found = variable.exec(line.slice(at));
  if (found === null) return { text: "$", end: at + 1 };
  const value = lookup(found[1] ?? found[2] ?? "") ?? "";
  const operand = found[4] ?? "";
  const end = at + found[0].length;
  if (found[3] === "-") return { text: value === "" ? operand : value, end };
  if (found[3] === "+") return { text: value === "" ? "" : operand, end };
  return { text: value, end };
}
