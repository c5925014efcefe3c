import { useRef } from "react";
import { Panel } from "../../components/Panel.tsx";
import { drawTable, windowStart } from "../../components/table.ts";
import { formatBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import { selectedIndex, visibleLayers } from "../../store/selectors.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, line, type Span, span } from "../../theme/tokens.ts";
import type { PaneProps } from "../pane-props.ts";
import { layerColumns } from "./view-model.ts";

export function LayersPane(props: PaneProps) {
  const { mirror, ui, columns, rows, focused } = props;
  const start = useRef(0);
  const shown = visibleLayers(mirror, ui);
  const selected = selectedIndex(shown, ui.selections.layers);
  const count = Math.max(1, rows - 3);
  start.current = windowStart(shown.length, count, selected, start.current);
  const largest = Math.max(0, ...shown.map((row) => row.size));
  const { header, lines } = drawTable({
    columns: layerColumns(largest),
    rows: shown,
    width: columns - 3,
    from: start.current,
    count,
    selected,
    selectedFill: focused ? "selection" : "selectionIdle",
    gutter: (_row, isSelected) => span(isSelected ? glyphs.cursor : " ", "accent"),
  });
  const body: readonly Line[] = shown.length > 0 ? [header, ...lines] : [emptyText(props)];
  return (
    <Panel {...{ columns, rows, focused }} title={props.title} note={subject(props)} lines={body} style={props.style} />
  );
}

/** Whose layers they are, and how much they hold. */
function subject({ mirror }: PaneProps): readonly Span[] {
  const [kind = "", id = ""] = mirror.layers.key.split(" ");
  const name =
    kind === "container"
      ? (mirror.containers.find((container) => container.id === id)?.name ?? "")
      : (mirror.images.find((image) => image.id === id)?.references[0] ?? id.slice(7, 19));
  const total = mirror.layers.result?.layers.reduce((sum, layer) => sum + layer.size, 0) ?? 0;
  if (name === "") return [];
  return [span(screenText(name), "accent"), span(total === 0 ? "" : ` ${formatBytes(total)}`, "muted")];
}

function emptyText({ mirror, ui }: PaneProps): Line {
  const { key, error, result } = mirror.layers;
  if (error !== "") return line(span(` ${error}`, "error"));
  if (key === "") return line(span(" select an image or a container", "muted"));
  if (result === null) return line(span(" reading the layers", "muted"));
  return line(span(ui.filters.layers === "" ? " no layers" : " no layer matches the filter; Esc clears it", "muted"));
}
