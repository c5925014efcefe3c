import { cell } from "../format/cell.ts";
import { graphemes } from "../store/text-input.ts";
import { unicodeGlyphs } from "../theme/glyphs.ts";
import type { Line, Span, Tone } from "../theme/tokens.ts";
import stringWidth from "./string-width.ts";

/** Columns that spans take. */
export function widthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, part) => sum + stringWidth(part.text), 0);
}

/** Exactly `width` columns: what is too long ends in an ellipsis, what is too short is filled with blanks. */
export function fitSpans(spans: readonly Span[], width: number, align: "left" | "right" = "left"): Span[] {
  const missing = width - widthOf(spans);
  const blanks: Span = { text: " ".repeat(Math.max(0, missing)), tone: "text" };
  if (missing === 0) return [...spans];
  if (missing > 0) return align === "left" ? [...spans, blanks] : [blanks, ...spans];
  return cut(spans, width);
}

function cut(spans: readonly Span[], width: number): Span[] {
  const kept: Span[] = [];
  let left = width;
  for (const part of spans) {
    const size = stringWidth(part.text);
    // The last one that fits whole still gives way when something follows it.
    const isLast = part === spans.at(-1);
    if (size < left || (size === left && isLast)) {
      kept.push(part);
      left -= size;
      continue;
    }
    // A text that just fills the rest is followed by more: lengthened by a blank it is cut with an ellipsis.
    if (left > 0) kept.push({ text: cell(`${part.text}${size === left ? "  " : ""}`, left), tone: part.tone });
    break;
  }
  return kept;
}

const shortestEnd = 8;

/** The first span without so much of its start that all fit in `width` columns; as they are where little of it would be left. */
export function cutStart(spans: readonly Span[], width: number): readonly Span[] {
  const excess = widthOf(spans) - width;
  const [first, ...rest] = spans;
  if (excess <= 0 || first === undefined) return spans;
  const room = stringWidth(first.text) - excess - 1;
  return room < shortestEnd
    ? spans
    : [{ ...first, text: unicodeGlyphs.ellipsis + lastColumns(first.text, room) }, ...rest];
}

/** As many whole letters from the end as fit in `width` columns. */
export function lastColumns(text: string, width: number): string {
  let kept = "";
  let left = width;
  // Few letters have this many units a column.
  for (const letter of graphemes(text.slice(-(width * 16 + 64))).reverse()) {
    left -= stringWidth(letter);
    if (left < 0) break;
    kept = letter + kept;
  }
  return kept;
}

/** A row broken into rows of at most `width` columns, those after the first set in by `indent`. */
export function wrapLine(row: Line, width: number, indent: number): Line[] {
  if (row.spans.reduce((sum, part) => sum + part.text.length, 0) <= width && widthOf(row.spans) <= width) return [row];
  const rows: Span[][] = [[]];
  let used = 0;
  for (const part of row.spans) {
    for (const piece of graphemes(part.text)) {
      const size = stringWidth(piece);
      if (used + size > width) {
        rows.push([{ text: " ".repeat(indent), tone: "text" }]);
        used = indent;
      }
      append(rows.at(-1) ?? [], { ...part, text: piece });
      used += size;
    }
  }
  return rows.map((spans) => ({ ...row, spans }));
}

function append(spans: Span[], part: Span): void {
  const last = spans.at(-1);
  if (last !== undefined && last.tone === part.tone) spans[spans.length - 1] = { ...last, text: last.text + part.text };
  else spans.push(part);
}

/** Rows of at most `width` columns, broken between words; what is longer than a row is cut. */
export function wrapWords(text: string, width: number): string[] {
  const rows: string[] = [];
  for (const word of text.split(" ").map((part) => (stringWidth(part) > width ? cell(part, width) : part))) {
    const last = rows.at(-1);
    if (last !== undefined && stringWidth(last) + 1 + stringWidth(word) <= width)
      rows[rows.length - 1] = `${last} ${word}`;
    else rows.push(word);
  }
  return rows;
}

/** A row of exactly `width` columns. */
export function fitLine(row: Line, width: number): Line {
  return { ...row, spans: fitSpans(row.spans, width) };
}

/** Left part, right part, and blanks between; the left one gives way. */
export function spread(left: readonly Span[], right: readonly Span[], width: number): Line {
  const rightWidth = widthOf(right);
  if (rightWidth >= width) return { spans: fitSpans(right, width) };
  return { spans: [...fitSpans(left, width - rightWidth), ...right] };
}

/** A bar of `width` columns, in steps of an eighth. */
export function miniBar(fraction: number, width: number): Span[] {
  const eighths = Math.round(Math.max(0, Math.min(1, fraction)) * width * 8);
  const whole = Math.floor(eighths / 8);
  const rest = eighths % 8;
  const tip = rest === 0 ? "" : (unicodeGlyphs.bar[rest - 1] ?? "");
  const filled = "█".repeat(whole) + tip;
  const empty = width - whole - (tip === "" ? 0 : 1);
  return [
    { text: filled, tone: loadTone(fraction) },
    { text: unicodeGlyphs.track.repeat(empty), tone: "track" },
  ];
}

/** How alarming a share of a limit is. */
export function loadTone(fraction: number): Tone {
  if (fraction >= 0.9) return "barFull";
  return fraction >= 0.7 ? "barHigh" : "bar";
}
