import { useMemo } from "react";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { selectedImage, visibleContainers } from "../../store/selectors.ts";
import type { Line } from "../../theme/tokens.ts";
import { ListPane } from "../ListPane.tsx";
import type { PaneProps } from "../pane-props.ts";
import { emptyHostLines } from "./empty-host.ts";
import { containerColumns, containerRow } from "./view-model.ts";

export function ContainersPane(props: PaneProps) {
  const { mirror, ui, now } = props;
  const shown = visibleContainers(mirror, ui);
  const list = useMemo(
    () => shown.map((container) => containerRow(container, mirror.stats.get(container.id)?.at(-1) ?? null, now)),
    [shown, mirror.stats, now],
  );
  const all = mirror.containers.length;
  return (
    <ListPane
      {...props}
      {...{ list, all }}
      pane="containers"
      tableColumns={containerColumns}
      empty={all === 0 ? emptyLines(props) : []}
    />
  );
}

function emptyLines(props: PaneProps): readonly Line[] {
  const { mirror, ui, createKey, pullKey, mayChange, rows } = props;
  const image = selectedImage(mirror, ui);
  const name = image === null ? null : screenText(image.references[0] ?? shortID(image.id));
  const references = mirror.images.flatMap((one) => one.references);
  const starter = references.find((reference) => reference.startsWith(starterImage)) !== undefined;
  return emptyHostLines({ image: name, starter, createKey, pullKey, mayChange, rows: rows - 2 });
}

const starterImage = "gantry/busybox:";
