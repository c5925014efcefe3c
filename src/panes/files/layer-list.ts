import { spread } from "../../components/spans.ts";
import { type Column, drawTable, windowStart } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import type { LayerChoice, LiveTotal, TreeScreen } from "../../store/browser.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, type Span, span } from "../../theme/tokens.ts";
import type { LayerRow } from "../layers/rows.ts";
import { rateText } from "./rate.ts";

type Layers = Pick<TreeScreen, "layers" | "choice">;

/** All layers, the uppermost first, with those that are looked at. `live`: what the writable one holds now. */
export function layerLines(
  { layers, choice }: Layers,
  size: { readonly width: number; readonly rows: number },
): Line[] {
  const rows = layers.toReversed();
  const selected = layers.length - 1 - choice.layer;
  const count = Math.max(1, size.rows - 1);
  const { header, lines } = drawTable({
    columns: layerListColumns(choice),
    rows,
    width: size.width,
    from: windowStart(rows.length, count, selected, Math.max(0, selected - Math.floor(count / 2))),
    count,
    selected,
    selectedFill: "selectionIdle",
    gutter: ({ order }, isSelected) =>
      span(isSelected ? glyphs.cursor : isSeen(choice, order) ? glyphs.vertical : " ", "accent"),
  });
  return [header, ...lines];
}

/** True where a layer is part of what is shown. */
function isSeen({ layer, view }: LayerChoice, order: number): boolean {
  return view === "upTo" ? order - 1 <= layer : order - 1 === layer;
}

function layerListColumns(choice: LayerChoice): readonly Column<LayerRow>[] {
  const tone = ({ order }: LayerRow) => (isSeen(choice, order) ? "text" : "faint");
  return [
    {
      title: "#",
      minimum: 2,
      maximum: 3,
      priority: 1,
      align: "right",
      spans: (row) => [row.kind === "writable" ? span("rw", "warn") : span(String(row.order), "muted")],
    },
    {
      title: "SIZE",
      minimum: 7,
      maximum: 8,
      priority: 2,
      align: "right",
      spans: (row) => [span(formatBytes(row.size), tone(row))],
    },
    { title: "MADE BY", minimum: 8, maximum: 400, priority: 0, spans: (row) => [span(madeBy(row), tone(row))] },
  ];
}

function madeBy(row: LayerRow): string {
  return row.kind === "writable" ? "what the container wrote" : row.command;
}

/** Which layers are looked at, in words; with `isAlone`, where the list of layers is not to be seen, what the layer is as well. */
export function choiceLine(
  { layers, choice }: Layers,
  options: { readonly width: number; readonly isAlone: boolean; readonly live: LiveTotal | null },
): Line {
  const { width, isAlone, live } = options;
  const row = layers[choice.layer];
  const isWritable = row?.kind === "writable";
  const number = isWritable ? "rw" : String(choice.layer + 1);
  const of = layers.length === 1 ? "the only layer" : choice.view === "layer" ? "layer" : "sum up to layer";
  const which = layers.length === 1 ? of : `${of} ${number} of ${layers.length}`;
  const left: Span[] = [span(" "), span(choice.view === "layer" ? which : which, "accent")];
  if (choice.view === "layer" && layers.length > 1) left.push(span(" alone", "accent"));
  if (isAlone && row !== undefined) left.push(span(`  ${formatBytes(row.size)}  ${madeBy(row)}`, "muted"));
  const right = live === null ? [] : [span(`  ${formatBytes(live.bytes)}`, "strong"), ...growthSpans(live.rate)];
  return spread(left, right, width);
}

function growthSpans(rate: number): Span[] {
  return rate === 0 ? [span("  still", "muted")] : [span(`  ${rateText(rate)}`, "info")];
}
