import { useMemo, useRef } from "react";
import { Panel } from "../../components/Panel.tsx";
import { drawTable, windowStart } from "../../components/table.ts";
import { selectedIndex, visibleImages } from "../../store/selectors.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, line, span } from "../../theme/tokens.ts";
import { listNote } from "../list-note.ts";
import type { PaneProps } from "../pane-props.ts";
import { imageColumns, imageRow } from "./view-model.ts";

export function ImagesPane(props: PaneProps) {
  const { mirror, ui, columns, rows, focused, now } = props;
  const start = useRef(0);
  const shown = visibleImages(mirror, ui);
  const tableRows = useMemo(() => shown.map((image) => imageRow(image, now)), [shown, now]);
  const selected = selectedIndex(shown, ui.selections.images);
  const count = Math.max(1, rows - 3);
  start.current = windowStart(shown.length, count, selected, start.current);
  const marks = ui.marks.images;
  const { header, lines } = drawTable({
    columns: imageColumns,
    rows: tableRows,
    width: columns - 3,
    from: start.current,
    count,
    selected,
    selectedFill: focused ? "selection" : "selectionIdle",
    gutter: (row, isSelected) =>
      marks.includes(row.id) ? span(glyphs.mark, "marked") : span(isSelected ? glyphs.cursor : " ", "accent"),
  });
  const note = listNote({
    shown: shown.length,
    all: mirror.images.length,
    marked: marks.length,
    filter: ui.filters.images,
    more: shown.length > count ? { from: start.current, count } : null,
  });
  const body: readonly Line[] = shown.length > 0 ? [header, ...lines] : [emptyText(props)];
  return <Panel {...{ columns, rows, focused, note }} title={props.title} lines={body} style={props.style} />;
}

function emptyText({ mirror }: PaneProps): Line {
  if (!mirror.synced) return line(span(" waiting for the engine", "muted"));
  if (mirror.images.length > 0) return line(span(" no image matches the filter; Esc clears it", "muted"));
  return line(
    span(" no images yet: ", "muted"),
    span("gantry import", "accent"),
    span(" or ", "muted"),
    span("gantry load", "accent"),
  );
}
