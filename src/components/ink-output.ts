import { graphemes } from "../store/text-input.ts";
import stringWidth from "./string-width.ts";

/**
 * What the bundle gives to Ink in place of its own Output, with the same answers. Ink's takes every text apart into an object
 * for each cell, four times a frame, which was half of a frame's time and nearly all of its garbage. Here a row is a list of
 * painted pieces; only what lies under an overlay or across a clip is ever cut. A text closes on each row what it opened there.
 */
export default class Output {
  readonly #width: number;
  readonly #rows: Piece[][];
  readonly #clips: Clip[] = [];

  constructor({ width, height }: { readonly width: number; readonly height: number }) {
    this.#width = width;
    this.#rows = Array.from({ length: height }, () => []);
  }

  write(x: number, y: number, text: string, options: { readonly transformers: readonly Transformer[] }): void {
    if (text === "") return;
    const clip = this.#clips.at(-1) ?? {};
    for (const [index, plain] of text.split("\n").entries()) {
      const row = this.#rows[y + index];
      if (row === undefined || y + index < (clip.y1 ?? 0) || y + index >= (clip.y2 ?? this.#rows.length)) continue;
      const painted = options.transformers.reduce((line, transform) => transform(line, index), plain);
      const piece = cutPiece(
        { x, width: stringWidth(painted), text: painted },
        Math.max(0, clip.x1 ?? 0),
        Math.min(this.#width, clip.x2 ?? this.#width),
      );
      if (piece !== null) lay(row, piece);
    }
  }

  clip(clip: Clip): void {
    const outer = this.#clips.at(-1) ?? {};
    this.#clips.push({
      x1: tighter(outer.x1, clip.x1, Math.max),
      x2: tighter(outer.x2, clip.x2, Math.min),
      y1: tighter(outer.y1, clip.y1, Math.max),
      y2: tighter(outer.y2, clip.y2, Math.min),
    });
  }

  unclip(): void {
    this.#clips.pop();
  }

  get(): { readonly output: string; readonly height: number } {
    return { output: this.#rows.map(joined).join("\n"), height: this.#rows.length };
  }
}

type Transformer = (line: string, index: number) => string;

/** Ends are exclusive; what is undefined has no bound. */
type Clip = {
  readonly x1?: number | undefined;
  readonly x2?: number | undefined;
  readonly y1?: number | undefined;
  readonly y2?: number | undefined;
};

type Piece = { readonly x: number; readonly width: number; readonly text: string };

function tighter(a: number | undefined, b: number | undefined, choose: (a: number, b: number) => number) {
  return a === undefined ? b : b === undefined ? a : choose(a, b);
}

/** Puts a piece over what is there. A row stays ordered, and none of its pieces overlap. */
function lay(row: Piece[], piece: Piece): void {
  const last = row.at(-1);
  if (last === undefined || last.x + last.width <= piece.x) {
    row.push(piece);
    return;
  }
  const end = piece.x + piece.width;
  const left = row.flatMap((under) => cutPiece(under, 0, piece.x) ?? []);
  const right = row.flatMap((under) => cutPiece(under, end, Number.POSITIVE_INFINITY) ?? []);
  row.splice(0, row.length, ...left, piece, ...right);
}

/** What of a piece lies between two columns, or null. */
function cutPiece(piece: Piece, from: number, to: number): Piece | null {
  const start = Math.max(piece.x, from);
  const end = Math.min(piece.x + piece.width, to);
  if (start >= end) return null;
  if (start === piece.x && end === piece.x + piece.width) return piece;
  return { x: start, width: end - start, text: sliceColumns(piece.text, start - piece.x, end - piece.x) };
}

/** All styles of a text, and its letters between two columns; half of a wide letter becomes a blank. */
export function sliceColumns(text: string, from: number, to: number): string {
  let column = 0;
  let slice = "";
  for (const part of text.split(/(\u001b\[[\d;:]*m)/)) {
    if (part.startsWith("\u001b")) {
      slice += part;
      continue;
    }
    for (const letter of graphemes(part)) {
      const next = column + stringWidth(letter);
      if (column >= from && next <= to) slice += letter;
      else slice += " ".repeat(Math.max(0, Math.min(next, to) - Math.max(column, from)));
      column = next;
    }
  }
  return slice;
}

function joined(row: readonly Piece[]): string {
  let text = "";
  let column = 0;
  for (const piece of row) {
    text += " ".repeat(piece.x - column) + piece.text;
    column = piece.x + piece.width;
  }
  return text.trimEnd();
}
