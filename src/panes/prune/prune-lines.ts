import { wrapWords } from "../../components/spans.ts";
import { type Column, drawTable } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import type { PruneKind, PrunePreview, PruneRow, PruneView } from "../../store/prune-view.ts";
import { emptyLine, type Line, line, type Span, span } from "../../theme/tokens.ts";
import { age } from "../age.ts";

type Room = { readonly width: number; readonly height: number };

/** What the two choices are called: what is meant at first, and all; null where there is one choice only. */
export const pruneTexts: Readonly<Record<PruneKind, { readonly some: string; readonly all: string | null }>> = {
  images: { some: "Images without a name that no container uses", all: "All images that no container uses" },
  containers: { some: "Containers that do not run", all: null },
  networks: { some: "Networks that no container uses", all: null },
  volumes: {
    some: "Anonymous volumes that no container names",
    all: "All volumes that no container names, with what is in them",
  },
};

export function nounOf(of: PruneKind, count: number): string {
  return `${count} ${count === 1 ? of.slice(0, -1) : of}`;
}

function rowColumns(now: number): readonly Column<PruneRow>[] {
  return [
    { title: "NAME", minimum: 16, maximum: 70, priority: 0, spans: nameSpans },
    {
      title: "",
      optional: true,
      minimum: 12,
      maximum: 40,
      priority: 3,
      spans: ({ detail }) => [span(screenText(detail), "faint")],
    },
    {
      title: "AGE",
      optional: true,
      minimum: 4,
      maximum: 4,
      priority: 2,
      align: "right",
      spans: ({ createdAt }) => [span(age(createdAt, now), "muted")],
    },
    {
      title: "FREES",
      optional: true,
      minimum: 8,
      maximum: 8,
      priority: 1,
      align: "right",
      spans: ({ size }) => [span(size === null ? "" : formatBytes(size))],
    },
  ];
}

function nameSpans({ name, others }: PruneRow): Span[] {
  if (name === null) return [span("<none>", "muted")];
  return [span(screenText(name), "strong"), span(others === 0 ? "" : ` +${others}`, "faint")];
}

/** Rows above and below the list. */
const around = 5;

/** What would go, the sum, and what stays out of it. */
export function pruneLines(view: PruneView, room: Room, now: number): readonly Line[] {
  const { of, all, preview, error } = view;
  const texts = pruneTexts[of];
  const head = [line(span(` ${(all ? texts.all : null) ?? texts.some}`, "muted")), emptyLine];
  if (error !== "") return [...head, ...messageLines(error, room.width)];
  if (preview === null) return [...head, line(span(" working out what would go", "info"))];
  if (isNothing(preview)) return [...head, line(span(" nothing would go", "muted"))];
  const count = room.height - around;
  const { header, lines } = drawTable({
    columns: rowColumns(now),
    rows: preview.rows,
    width: room.width - 1,
    from: pruneScroll(view, room.height, view.scroll),
    count,
    selected: -1,
    selectedFill: "selection",
    gutter: () => span(" "),
  });
  const table = preview.rows.length === 0 ? [] : [header, ...lines];
  return [...head, ...table, emptyLine, sumLine(of, preview)];
}

export function messageLines(text: string, width: number): Line[] {
  return wrapWords(text, width - 2).map((row) => line(span(` ${row}`, "error")));
}

export function isNothing({ rows, bytes }: PrunePreview): boolean {
  return rows.length === 0 && (bytes ?? 0) === 0;
}

function sumLine(of: PruneKind, { rows, bytes }: PrunePreview): Line {
  const count = nounOf(of, rows.length);
  if (bytes === null) return line(span(` ${count}`, "strong"));
  const left = bytes - rows.reduce((sum, { size }) => sum + (size ?? 0), 0);
  const sum = span(` frees ${formatBytes(bytes)}`, "strong");
  if (rows.length === 0) return line(sum, span(" that interrupted pulls have left", "muted"));
  const more = left > 0 ? `, ${formatBytes(left)} of it from interrupted pulls` : "";
  return line(sum, span(` with ${count}${more}`, "muted"));
}

/** The scroll place nearest to the one wanted. */
export function pruneScroll({ preview }: PruneView, height: number, wanted: number): number {
  const last = Math.max(0, (preview?.rows.length ?? 0) - (height - around));
  return Math.max(0, Math.min(last, wanted));
}
