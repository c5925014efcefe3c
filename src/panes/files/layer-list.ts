import { spread } from "../../components/spans.ts";
import { type Column, drawTable, windowStart } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import type { LayerChoice, LiveTotal, TreeScreen } from "../../store/browser.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, type Span, span } from "../../theme/tokens.ts";
import type { LayerRow } from "../layers/rows.ts";
import { rateText } from "./rate.ts";

/** `live`: what the writable layer holds now. */
export type Layers = Pick<TreeScreen, "layers" | "choice"> & { readonly live?: LiveTotal | null };

/** All layers, the uppermost first, with those that are looked at. */
export function layerLines(
  { layers, choice, live = null }: Layers,
  size: { readonly width: number; readonly rows: number },
): Line[] {
  const rows = layers.toReversed();
  const selected = layers.length - 1 - choice.layer;
  const count = Math.max(1, size.rows - 1);
  const { header, lines } = drawTable({
    columns: layerListColumns(choice, live),
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

function layerListColumns(choice: LayerChoice, live: LiveTotal | null): readonly Column<LayerRow>[] {
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
      spans: (row) => [span(formatBytes(row.kind === "writable" ? (live?.bytes ?? row.size) : row.size), tone(row))],
    },
    { title: "MADE BY", minimum: 8, maximum: 400, priority: 0, spans: (row) => [span(madeBy(row), tone(row))] },
  ];
}

function madeBy(row: LayerRow): string {
  return row.kind === "writable" ? "what the container wrote" : row.command;
}

/** Which layers are looked at, in words; with `isAlone`, where the list of layers is not to be seen, what the layer is as well. */
export function choiceLine(
  { layers, choice, live = null }: Layers,
  { width, isAlone }: { readonly width: number; readonly isAlone: boolean },
): Line {
  const row = layers[choice.layer];
  const left: Span[] = [span(" "), span(choiceText({ layers, choice }), "accent")];
  if (isAlone && row?.kind === "layer") {
    const size = choice.view === "layer" ? `${formatBytes(row.size)}  ` : "";
    left.push(span(`  ${size}${row.command}`, "muted"));
  }
  const isLive = live !== null && row?.kind === "writable";
  const right = isLive ? [span(`  ${formatBytes(live.bytes)}`, "strong"), ...growthSpans(live.rate), span(" ")] : [];
  return spread(left, right, width);
}

export function choiceText({ layers, choice }: Pick<Layers, "layers" | "choice">): string {
  const number = choice.layer + 1;
  const isTop = number === layers.length;
  if (layers[choice.layer]?.id === "volume") return "the volume";
  if (choice.view === "layer") {
    if (layers[choice.layer]?.kind === "writable") return "what the container wrote";
    return layers.length === 1 ? "the only layer" : `layer ${number} of ${layers.length} alone`;
  }
  if (isTop) return layers.length === 1 ? "the only layer" : `all ${layers.length} layers`;
  return number === 1 ? `layer 1 of ${layers.length}` : `layers 1-${number} of ${layers.length}`;
}

function growthSpans(rate: number): Span[] {
  return rate === 0 ? [span("  still", "muted")] : [span(`  ${rateText(rate)}`, "info")];
}
