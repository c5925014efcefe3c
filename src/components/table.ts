import type { Line, Span, Tone } from "../theme/tokens.ts";
import { cutStart, fitSpans, widthOf } from "./spans.ts";

/** A column of a list. */
export type Column<Row> = {
  readonly title: string;
  /** Never narrower; a column that finds no room at all is left out, the highest `priority` number first. */
  readonly minimum: number;
  /** Never wider, however long its contents. */
  readonly maximum: number;
  readonly priority: number;
  readonly align?: "left" | "right";
  /** What is too long loses its start: of a path the end says more. */
  readonly cutsStart?: boolean;
  /** Left out while no row has anything to show in it. */
  readonly optional?: boolean;
  readonly spans: (row: Row) => readonly Span[];
  /** What a row says here instead, over the room of the columns named as well where they follow; null: nothing. */
  readonly across?: { readonly titles: readonly string[]; readonly spans: (row: Row) => readonly Span[] | null };
};

export type TableOptions<Row> = {
  readonly columns: readonly Column<Row>[];
  /** All rows: column widths depend on them, so that nothing jumps while the list is scrolled. */
  readonly rows: readonly Row[];
  readonly width: number;
  /** Which of them to draw. */
  readonly from: number;
  readonly count: number;
  /** The row under the cursor, or -1. */
  readonly selected: number;
  readonly selectedFill: Tone;
  /** Two columns in front of each row. */
  readonly gutter: (row: Row, selected: boolean) => Span;
};

const gap = 2;
const gutterWidth = 2;

/** Titles and rows, each exactly `width` columns. */
export function drawTable<Row>(options: TableOptions<Row>): { readonly header: Line; readonly lines: readonly Line[] } {
  const { rows, width } = options;
  const columns = chooseWidths(options.columns, rows, width - gutterWidth);
  const header = fitSpans(
    [
      { text: " ".repeat(gutterWidth), tone: "faint" },
      ...joined(columns, (column) => [{ text: column.title, tone: "faint" }]),
    ],
    width,
  );
  const lines = rows.slice(options.from, options.from + options.count).map((row, offset) => {
    const selected = options.from + offset === options.selected;
    const gutter = fitSpans([options.gutter(row, selected)], gutterWidth);
    const spans = fitSpans([...gutter, ...joined(merged(columns, row), (column) => column.spans(row))], width);
    return selected ? { spans, fill: options.selectedFill } : { spans };
  });
  return { header: { spans: header }, lines };
}

type Placed<Row> = Column<Row> & { readonly width: number };

/** The columns as they are in one row, which may have something to say across several. */
function merged<Row>(columns: readonly Placed<Row>[], row: Row): readonly Placed<Row>[] {
  const result: Placed<Row>[] = [];
  let over: readonly string[] = [];
  for (const column of columns) {
    const last = result.at(-1);
    if (last !== undefined && over.includes(column.title)) {
      result[result.length - 1] = { ...last, width: last.width + gap + column.width };
      continue;
    }
    const spans = column.across?.spans(row) ?? null;
    over = spans === null ? [] : (column.across?.titles ?? []);
    result.push(spans === null ? column : { ...column, align: "left", spans: () => spans });
  }
  return result;
}

function joined<Row>(columns: readonly Placed<Row>[], spansOf: (column: Placed<Row>) => readonly Span[]): Span[] {
  return columns.flatMap((column, index) => {
    const whole = spansOf(column);
    const spans = fitSpans(
      column.cutsStart === true ? cutStart(whole, column.width) : whole,
      column.width,
      column.align,
    );
    return index === 0 ? spans : [{ text: " ".repeat(gap), tone: "text" as const }, ...spans];
  });
}

/** Widths by content; what does not fit is taken from the widest, then whole columns go. */
function chooseWidths<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): Placed<Row>[] {
  const used = columns.filter(
    (column) => column.optional !== true || rows.some((row) => widthOf(column.spans(row)) > 0),
  );
  let kept = used.map((column) => ({ ...column, width: naturalWidth(column, rows) }));
  while (kept.length > 1 && total(kept.map((column) => column.minimum)) > width) {
    const last = kept.reduce((worst, column) => (column.priority > worst.priority ? column : worst));
    kept = kept.filter((column) => column !== last);
  }
  for (let excess = total(kept.map((column) => column.width)) - width; excess > 0; excess -= 1) {
    const widest = kept.reduce((best, column) => (slack(column) > slack(best) ? column : best));
    if (slack(widest) <= 0) break;
    kept = kept.map((column) => (column === widest ? { ...column, width: column.width - 1 } : column));
  }
  return kept;
}

function slack(column: { readonly width: number; readonly minimum: number }): number {
  return column.width - column.minimum;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap * (widths.length - 1);
}

function naturalWidth<Row>(column: Column<Row>, rows: readonly Row[]): number {
  let widest = Math.max(column.minimum, column.title.length);
  for (const row of rows) {
    if (widest >= column.maximum) return column.maximum;
    widest = Math.max(widest, widthOf(column.spans(row)));
  }
  return Math.min(widest, column.maximum);
}

/** First row of a window of `count` rows over `length` that shows `index`, near where it was (`previous`). */
export function windowStart(length: number, count: number, index: number, previous: number): number {
  const last = Math.max(0, length - count);
  const start = Math.max(0, Math.min(previous, last));
  if (index < start) return Math.max(0, index);
  return index >= start + count ? Math.min(last, index - count + 1) : start;
}
