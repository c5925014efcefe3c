import { useRef } from "react";
import { Panel } from "../components/Panel.tsx";
import { type Column, drawTable, windowStart } from "../components/table.ts";
import { selectedIndex } from "../store/selectors.ts";
import type { MarkPane } from "../store/ui.ts";
import { unicodeGlyphs as glyphs } from "../theme/glyphs.ts";
import { emptyLine, type Line, line, span } from "../theme/tokens.ts";
import { listNote } from "./list-note.ts";
import type { PaneProps } from "./pane-props.ts";

type Props<Row> = PaneProps & {
  readonly pane: MarkPane;
  readonly list: readonly Row[];
  /** How many there are without the filter. */
  readonly all: number;
  readonly tableColumns: readonly Column<Row>[];
  /** What is said where there are none at all. */
  readonly empty: readonly Line[];
  /** At the lower edge. */
  readonly below?: readonly Line[];
};

/** A list with a cursor, marks and a filter. */
export function ListPane<Row extends { readonly id: string }>(props: Props<Row>) {
  const { pane, list, ui, columns, rows, focused, below = [] } = props;
  const start = useRef(0);
  const selected = selectedIndex(list, ui.selections[pane]);
  const count = Math.max(1, rows - 3 - below.length);
  start.current = windowStart(list.length, count, selected, start.current);
  const marks = ui.marks[pane];
  const { header, lines } = drawTable({
    columns: props.tableColumns,
    rows: list,
    width: columns - 3,
    from: start.current,
    count,
    selected,
    selectedFill: focused ? "selection" : "selectionIdle",
    gutter: (row, isSelected) =>
      marks.includes(row.id) ? span(glyphs.mark, "marked") : span(isSelected ? glyphs.cursor : " ", "accent"),
  });
  const note = listNote({
    shown: list.length,
    all: props.all,
    marked: marks.length,
    filter: ui.filters[pane],
    more: list.length > count ? { from: start.current, count } : null,
  });
  const body = list.length > 0 ? [header, ...lines] : emptyLines(props);
  const blanks = Array.from({ length: Math.max(0, rows - 2 - body.length - below.length) }, () => emptyLine);
  const all = below.length === 0 ? body : [...body, ...blanks, ...below];
  return <Panel {...{ columns, rows, focused, note }} title={props.title} lines={all} style={props.style} />;
}

function emptyLines({
  mirror,
  all,
  empty,
  pane,
}: Pick<Props<never>, "mirror" | "all" | "empty" | "pane">): readonly Line[] {
  if (!mirror.synced) return [line(span(" waiting for the engine", "muted"))];
  const one = pane.replace(/s$/, "");
  return all > 0 ? [line(span(` no ${one} matches the filter; Esc clears it`, "muted"))] : empty;
}
