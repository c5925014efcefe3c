import stringWidth from "../components/string-width.ts";

const plain = /^[\x20-\x7e]*$/;
const tabWidth = 8;

/**
 * An escape sequence (ECMA-48, section 5; xterm's control sequences), 7-bit or 8-bit: 1 the parameters of a plain CSI … m. A string
 * (OSC, DCS, SOS, PM, APC) that nothing ends loses its introducer only, so that it cannot hide what follows it. No
 * alternative looks past the next introducer: a megabyte of them must not take a megabyte squared.
 */
const sequence = new RegExp(
  [
    "(?:\\x1b\\[|\\x9b)(?:([0-9;]*)m|[\\x30-\\x3f]*[\\x20-\\x2f]*[\\x40-\\x7e])",
    "(?:\\x1b\\]|\\x9d)[^\\x07\\x1b\\x80-\\x9f\\n]*(?:\\x07|\\x1b\\\\|\\x9c)",
    "(?:\\x1b[PX^_]|[\\x90\\x98\\x9e\\x9f])[^\\x1b\\x80-\\x9f\\n]*(?:\\x1b\\\\|\\x9c)",
    "\\x1b[\\x20-\\x2f]*[\\x30-\\x7e]",
    "[\\x1b\\x9b]",
  ].join("|"),
  "g",
);

/**
 * What is left over: other control characters (C0, DEL, C1), characters that reorder text (bidi controls) or are there and cannot be
 * seen, variation of line ends, tags, and halves of surrogate pairs. Joiners stay: emoji and Indic scripts need them.
 */
const unseen =
  /[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0001}-\u{e007f}]/gu;
const halves = /\p{Surrogate}/gu;

/**
 * Text from outside, made safe for a terminal and for layout: one line, no escape sequence, no control character, nothing that reorders
 * or hides text; tabs become blanks up to the next eighth column, other breaks one blank.
 */
export function sanitize(text: string): string {
  if (plain.test(text)) return text;
  return expandTabs(clean(text.replace(sequence, "")));
}

/**
 * The same, but colours and simple attributes (SGR) stay, as `ESC [ … m` with parameters we know; what would hide or move text goes.
 * Ends with a reset where an attribute is still on.
 */
export function sanitizeKeepingColour(text: string): string {
  if (plain.test(text)) return text;
  let kept = "";
  let isStyled = false;
  let width = 0;
  const add = (part: string) => {
    const shown = expandTabs(clean(part), width);
    width += stringWidth(shown);
    kept += shown;
  };
  let end = 0;
  for (const match of text.matchAll(sequence)) {
    add(text.slice(end, match.index));
    end = match.index + match[0].length;
    const style = match[1] === undefined ? "" : harmlessStyle(match[1]);
    if (style === "") continue;
    kept += `\x1b[${style}m`;
    isStyled = style !== "0";
  }
  add(text.slice(end));
  return isStyled ? `${kept}\x1b[0m` : kept;
}

function clean(text: string): string {
  return withoutLineEnd(text)
    .replace(/[\r\n\v\f\x85\u2028\u2029]+/g, " ")
    .replace(unseen, "")
    .replace(halves, "\ufffd");
}

/** The carriage returns that a terminal puts before the newline. (A pattern for them is quadratic in a run that ends otherwise.) */
function withoutLineEnd(text: string): string {
  let end = text.length;
  while (text[end - 1] === "\r") end--;
  return text.slice(0, end);
}

/** `start` is the column at which the text begins. */
function expandTabs(text: string, start = 0): string {
  if (!text.includes("\t")) return text;
  let line = "";
  let column = start;
  for (const part of text.split(/(\t)/)) {
    const shown = part === "\t" ? " ".repeat(tabWidth - (column % tabWidth)) : part;
    line += shown;
    column += stringWidth(shown);
  }
  return line;
}

/** Bold, faint, italic, underline, inverse, crossed out and their ends; not blinking, not concealed, not a font. */
const harmless = new Set([0, 1, 2, 3, 4, 7, 9, 22, 23, 24, 25, 27, 28, 29, 39, 49]);

/** Known parameters of an SGR sequence, `0` for none, empty where nothing is left. */
function harmlessStyle(parameters: string): string {
  if (parameters === "") return "0";
  const codes = parameters.split(";").slice(0, 32).map(Number);
  const kept: number[] = [];
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    if (code === 38 || code === 48) {
      const colour = extendedColour(codes, index);
      kept.push(...colour);
      // A colour of an unknown kind says not where it ends.
      if (colour.length === 0) break;
      index += colour.length - 1;
    } else if (harmless.has(code) || isColour(code)) kept.push(code);
  }
  return kept.join(";");
}

function isColour(code: number): boolean {
  return (
    (code >= 30 && code <= 37) ||
    (code >= 40 && code <= 47) ||
    (code >= 90 && code <= 97) ||
    (code >= 100 && code <= 107)
  );
}

/** 38;5;n or 38;2;r;g;b, whole; empty where it is neither. */
function extendedColour(codes: readonly number[], index: number): readonly number[] {
  const length = codes[index + 1] === 5 ? 3 : codes[index + 1] === 2 ? 5 : 0;
  const colour = codes.slice(index, index + length);
  return colour.length === length && colour.every((part) => part <= 255) ? colour : [];
}
