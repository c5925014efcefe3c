import { useMemo, useRef } from "react";
import { Panel } from "../../components/Panel.tsx";
import { drawTable, windowStart } from "../../components/table.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { selectedImage, selectedIndex, visibleContainers } from "../../store/selectors.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, line, span } from "../../theme/tokens.ts";
import { listNote } from "../list-note.ts";
import type { PaneProps } from "../pane-props.ts";
import { emptyHostLines } from "./empty-host.ts";
import { containerColumns, containerRow } from "./view-model.ts";

export function ContainersPane(props: PaneProps) {
  const { mirror, ui, columns, rows, focused, now } = props;
  const start = useRef(0);
  const shown = visibleContainers(mirror, ui);
  const tableRows = useMemo(
    () => shown.map((container) => containerRow(container, mirror.stats.get(container.id)?.at(-1) ?? null, now)),
    [shown, mirror.stats, now],
  );
  const selected = selectedIndex(shown, ui.selections.containers);
  const count = Math.max(1, rows - 3);
  start.current = windowStart(shown.length, count, selected, start.current);
  const marks = ui.marks.containers;
  const { header, lines } = drawTable({
    columns: containerColumns,
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
    all: mirror.containers.length,
    marked: marks.length,
    filter: ui.filters.containers,
    more: shown.length > count ? { from: start.current, count } : null,
  });
  const body = bodyOf(props, shown.length, [header, ...lines]);
  return <Panel {...{ columns, rows, focused, note }} title={props.title} lines={body} style={props.style} />;
}

function bodyOf(props: PaneProps, shown: number, table: readonly Line[]): readonly Line[] {
  if (!props.mirror.synced) return [line(span(" waiting for the engine", "muted"))];
  if (props.mirror.containers.length === 0) {
    const image = selectedImage(props.mirror, props.ui);
    const name = image === null ? null : screenText(image.references[0] ?? shortID(image.id));
    return emptyHostLines({
      image: name,
      createKey: props.createKey,
      pullKey: props.pullKey,
      mayChange: props.mayChange,
      rows: props.rows - 2,
    });
  }
  if (shown === 0) return [line(span(" no container matches the filter; Esc clears it", "muted"))];
  return table;
}
