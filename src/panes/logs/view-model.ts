import stringWidth from "../../components/string-width.ts";
import { cell } from "../../format/cell.ts";
import type { KeptLine, LogBuffer } from "../../store/log-buffer.ts";
import { graphemes } from "../../store/text-input.ts";
import { type Line, type Span, sourceTones, span, type Tone } from "../../theme/tokens.ts";

export type LogLook = {
  readonly width: number;
  readonly height: number;
  readonly times: boolean;
  readonly wrap: boolean;
  /** Marks matches; empty for none. */
  readonly search: string;
  /** By container: its name, for merged logs; empty when there is one only. */
  readonly names: ReadonlyMap<string, string>;
  /** Sequence of the lowest line shown; null for the newest. */
  readonly bottom: number | null;
};

/** The rows that are seen, lowest at the end, and the first and last line they come from. */
export type LogView = {
  readonly rows: readonly Line[];
  readonly first: number | null;
  readonly last: number | null;
};

/** Lays out from the bottom up, only as many lines as are seen. */
export function logView(buffer: LogBuffer, look: LogLook): LogView {
  const rows: Line[][] = [];
  let count = 0;
  let index = indexOfBottom(buffer.lines, look.bottom);
  const last = buffer.lines[index]?.sequence ?? null;
  let first: number | null = null;
  const toneOf = sourceTonesOf(buffer.containers);
  for (; index >= 0 && count < look.height; index -= 1) {
    const kept = buffer.lines[index];
    if (kept === undefined) break;
    const drawn = drawLine(kept, look, toneOf);
    rows.push(drawn);
    count += drawn.length;
    first = kept.sequence;
  }
  return { rows: rows.reverse().flat().slice(-look.height), first, last };
}

/** Where a line stands in the buffer; sequences have no gaps. */
export function indexOfBottom(lines: readonly KeptLine[], bottom: number | null): number {
  const first = lines[0]?.sequence ?? 0;
  if (bottom === null) return lines.length - 1;
  return Math.max(0, Math.min(lines.length - 1, bottom - first));
}

function sourceTonesOf(containers: readonly string[]): ReadonlyMap<string, Tone> {
  return new Map(containers.map((id, index) => [id, sourceTones[index % sourceTones.length] ?? "source1"]));
}

function drawLine(kept: KeptLine, look: LogLook, toneOf: ReadonlyMap<string, Tone>): Line[] {
  const prefix = prefixOf(kept, look, toneOf);
  const indent = prefix.reduce((sum, part) => sum + stringWidth(part.text), 0);
  const room = Math.max(8, look.width - indent);
  const tone: Tone = kept.stream === "stderr" ? "warn" : "text";
  const pieces = look.wrap ? wrapText(kept.text, room) : [cutText(kept.text, room)];
  return pieces.map((piece, index) => ({
    spans: [...(index === 0 ? prefix : [span(" ".repeat(indent))]), ...highlight(piece, look.search, tone)],
  }));
}

function prefixOf(kept: KeptLine, look: LogLook, toneOf: ReadonlyMap<string, Tone>): Span[] {
  const spans: Span[] = [];
  if (look.times) spans.push(span(`${clockTime(kept.time)} `, "faint"));
  if (look.names.size > 0) {
    const width = Math.min(16, Math.max(4, ...[...look.names.values()].map((name) => stringWidth(name))));
    spans.push(span(`${cell(look.names.get(kept.container) ?? "", width)} `, toneOf.get(kept.container) ?? "source1"));
  }
  return spans;
}

/** `14:03:07.512` in local time. */
export function clockTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return cell(time, 12);
  const two = (value: number) => String(value).padStart(2, "0");
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${parts}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function cutText(text: string, width: number): string {
  // Longer than any screen: what is not seen need not be measured.
  const head = text.length > width * 4 ? text.slice(0, width * 4) : text;
  return stringWidth(head) <= width ? head : cell(head, width);
}

/** Pieces of at most `width` columns; one line never takes more rows than a screen has. */
export function wrapText(text: string, width: number): string[] {
  const limit = 200;
  if (text.length <= width && stringWidth(text) <= width) return [text];
  const pieces: string[] = [];
  let piece = "";
  let used = 0;
  for (const grapheme of graphemes(text.slice(0, width * limit))) {
    const size = stringWidth(grapheme);
    if (used + size > width) {
      pieces.push(piece);
      piece = "";
      used = 0;
    }
    piece += grapheme;
    used += size;
  }
  return [...pieces, piece];
}

/** Splits a text so that each match of the search is a span of its own. */
export function highlight(text: string, search: string, tone: Tone): Span[] {
  if (search === "") return [span(text, tone)];
  const lower = text.toLowerCase();
  const wanted = search.toLowerCase();
  // Lower case may have another length (İ): then positions would not fit.
  if (lower.length !== text.length) return [span(text, tone)];
  const spans: Span[] = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, from)) {
    if (at > from) spans.push(span(text.slice(from, at), tone));
    spans.push(span(text.slice(at, at + wanted.length), "match"));
    from = at + wanted.length;
  }
  if (from < text.length || spans.length === 0) spans.push(span(text.slice(from), tone));
  return spans;
}
