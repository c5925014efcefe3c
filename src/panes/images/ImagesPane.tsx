import { useMemo, useRef } from "react";
import { Panel } from "../../components/Panel.tsx";
import { drawTable, windowStart } from "../../components/table.ts";
import { selectedIndex, visibleImages } from "../../store/selectors.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { emptyLine, type Line, line, span } from "../../theme/tokens.ts";
import { listNote } from "../list-note.ts";
import type { PaneProps } from "../pane-props.ts";
import { workStrip } from "../work/work-view.ts";
import { imageColumns, imageRow } from "./view-model.ts";

export function ImagesPane(props: PaneProps) {
  const { mirror, ui, columns, rows, focused, now } = props;
  const start = useRef(0);
  const shown = visibleImages(mirror, ui);
  const tableRows = useMemo(() => shown.map((image) => imageRow(image, now, columns)), [shown, now, columns]);
  const selected = selectedIndex(shown, ui.selections.images);
  const work = workStrip({ ...mirror, now }, columns - 3, stripRows(rows));
  const count = Math.max(1, rows - 3 - work.length);
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
  const body = shown.length > 0 ? [header, ...lines] : emptyLines(props);
  const blanks = Array.from({ length: Math.max(0, rows - 2 - body.length - work.length) }, () => emptyLine);
  const all = work.length === 0 ? body : [...body, ...blanks, ...work];
  return <Panel {...{ columns, rows, focused, note }} title={props.title} lines={all} style={props.style} />;
}

/** How many rows of a pane may tell of work under way. */
function stripRows(rows: number): number {
  return rows < 6 ? 0 : Math.min(4, Math.floor((rows - 3) / 3));
}

function emptyLines({ mirror, mayChange, pullKey }: PaneProps): readonly Line[] {
  if (!mirror.synced) return [line(span(" waiting for the engine", "muted"))];
  if (mirror.images.length > 0) return [line(span(" no image matches the filter; Esc clears it", "muted"))];
  if (!mayChange || pullKey === null) return [line(span(" no images yet", "muted"))];
  return [
    line(span(" no images yet: ", "muted"), span(pullKey, "key"), span(" pulls one", "muted")),
    line(span(" or ", "muted"), span("gantry load", "accent"), span(", ", "muted"), span("gantry import", "accent")),
  ];
}
