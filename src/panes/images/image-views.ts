import type { SearchResult } from "../../../engine/protocol/transfers.ts";
import { type Column, drawTable, windowStart } from "../../components/table.ts";
import { screenText } from "../../format/screen-text.ts";
import type { SearchView } from "../../store/image-views.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, line, span } from "../../theme/tokens.ts";
import { messageLines } from "../prune/prune-lines.ts";

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
