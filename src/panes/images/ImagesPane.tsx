import { useMemo } from "react";
import { visibleImages } from "../../store/selectors.ts";
import { type Line, line, span } from "../../theme/tokens.ts";
import { ListPane } from "../ListPane.tsx";
import type { PaneProps } from "../pane-props.ts";
import { workStrip } from "../work/work-view.ts";
import { imageColumns, imageRow } from "./view-model.ts";

export function ImagesPane(props: PaneProps) {
  const { mirror, ui, columns, rows, now } = props;
  const shown = visibleImages(mirror, ui);
  const list = useMemo(() => shown.map((image) => imageRow(image, now, columns)), [shown, now, columns]);
  const below = workStrip({ ...mirror, now }, columns - 3, stripRows(rows));
  const all = mirror.images.length;
  return (
    <ListPane
      {...props}
      {...{ list, all, below }}
      pane="images"
      tableColumns={imageColumns}
      empty={emptyLines(props)}
    />
  );
}

/** How many rows of a pane may tell of work under way. */
function stripRows(rows: number): number {
  return rows < 6 ? 0 : Math.min(4, Math.floor((rows - 3) / 3));
}

function emptyLines({ mayChange, pullKey }: PaneProps): readonly Line[] {
  if (!mayChange || pullKey === null) return [line(span(" no images yet", "muted"))];
  return [
    line(span(" no images yet: ", "muted"), span(pullKey, "key"), span(" pulls one", "muted")),
    line(span(" or ", "muted"), span("gantry load", "accent"), span(", ", "muted"), span("gantry import", "accent")),
  ];
}
