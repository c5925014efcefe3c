import type { SearchResult } from "../../../engine/protocol/transfers.ts";
import type { Removal } from "../../../engine/protocol/upkeep.ts";
import { wrapWords } from "../../components/spans.ts";
import { type Column, drawTable, windowStart } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import type { PruneView, SearchView } from "../../store/image-views.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { emptyLine, type Line, line, type Span, span } from "../../theme/tokens.ts";
import { age } from "../age.ts";

type Room = { readonly width: number; readonly height: number };

const resultColumns: readonly Column<SearchResult>[] = [
  { title: "NAME", minimum: 20, maximum: 60, priority: 0, spans: ({ name }) => [span(screenText(name), "strong")] },
  {
    title: "STARS",
    optional: true,
    minimum: 5,
    maximum: 7,
    priority: 2,
    align: "right",
    spans: ({ stars }) => [span(stars === 0 ? "" : String(stars), "muted")],
  },
  {
    title: "",
    optional: true,
    minimum: 8,
    maximum: 8,
    priority: 3,
    spans: ({ isOfficial }) => [span(isOfficial ? "official" : "", "ok")],
  },
  {
    title: "DESCRIPTION",
    optional: true,
    minimum: 16,
    maximum: 200,
    priority: 1,
    spans: ({ description }) => [span(screenText(description), "muted")],
  },
];

/** What a registry found, with a cursor. */
export function searchLines({ results, error, index, term }: SearchView, { width, height }: Room): readonly Line[] {
  if (error !== "") return messageLines(error, width);
  if (results === null) return [line(span(` looking for ${screenText(term)}`, "info"))];
  if (results.length === 0) return [line(span(` nothing is called ${screenText(term)}`, "muted"))];
  const count = height - 1;
  const { header, lines } = drawTable({
    columns: resultColumns,
    rows: results,
    width: width - 1,
    from: windowStart(results.length, count, index, 0),
    count,
    selected: index,
    selectedFill: "selection",
    gutter: (_row, isSelected) => span(isSelected ? glyphs.cursor : " ", "accent"),
  });
  return [header, ...lines];
}

function messageLines(text: string, width: number): Line[] {
  return wrapWords(text, width - 2).map((row) => line(span(` ${row}`, "error")));
}

function removalColumns(now: number): readonly Column<Removal>[] {
  return [
    { title: "NAME", minimum: 16, maximum: 70, priority: 0, spans: nameSpans },
    { title: "ID", minimum: 12, maximum: 12, priority: 3, spans: ({ id }) => [span(shortID(id), "faint")] },
    {
      title: "AGE",
      minimum: 4,
      maximum: 4,
      priority: 2,
      align: "right",
      spans: ({ createdAt }) => [span(age(createdAt, now), "muted")],
    },
    {
      title: "FREES",
      minimum: 8,
      maximum: 8,
      priority: 1,
      align: "right",
      spans: ({ size }) => [span(formatBytes(size))],
    },
  ];
}

function nameSpans({ references }: Removal): Span[] {
  const [first, ...others] = references;
  if (first === undefined) return [span("<none>", "muted")];
  const more = others.length === 0 ? "" : ` +${others.length}`;
  return [span(screenText(first), "strong"), span(more, "faint")];
}

/** Rows above and below the list. */
const around = 5;

/** What would go, the sum, and what stays out of it. */
export function pruneLines(view: PruneView, room: Room, now: number): readonly Line[] {
  const { all, preview, error } = view;
  const which = all ? "All images that no container uses" : "Images without a name that no container uses";
  const head = [line(span(` ${which}`, "muted")), emptyLine];
  if (error !== "") return [...head, ...messageLines(error, room.width)];
  if (preview === null) return [...head, line(span(" working out what would go", "info"))];
  const { removed, bytes } = preview;
  if (removed.length === 0 && bytes === 0) return [...head, line(span(" nothing would go", "muted"))];
  const count = room.height - around;
  const { header, lines } = drawTable({
    columns: removalColumns(now),
    rows: removed,
    width: room.width - 1,
    from: pruneScroll(view, room.height, view.scroll),
    count,
    selected: -1,
    selectedFill: "selection",
    gutter: () => span(" "),
  });
  const table = removed.length === 0 ? [] : [header, ...lines];
  return [...head, ...table, emptyLine, sumLine(preview)];
}

function sumLine({ removed, bytes }: NonNullable<PruneView["preview"]>): Line {
  const left = bytes - removed.reduce((sum, { size }) => sum + size, 0);
  const sum = span(` frees ${formatBytes(bytes)}`, "strong");
  if (removed.length === 0) return line(sum, span(" that interrupted pulls have left", "muted"));
  const count = removed.length === 1 ? "1 image" : `${removed.length} images`;
  const more = left > 0 ? `, ${formatBytes(left)} of it from interrupted pulls` : "";
  return line(sum, span(` with ${count}${more}`, "muted"));
}

/** The scroll place nearest to the one wanted. */
export function pruneScroll({ preview }: PruneView, height: number, wanted: number): number {
  const last = Math.max(0, (preview?.removed.length ?? 0) - (height - around));
  return Math.max(0, Math.min(last, wanted));
}
