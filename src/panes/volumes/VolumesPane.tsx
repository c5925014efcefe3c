import { useMemo } from "react";
import { usersOfVolume, visibleVolumes } from "../../store/selectors.ts";
import { type Line, line, span } from "../../theme/tokens.ts";
import { ListPane } from "../ListPane.tsx";
import type { PaneProps } from "../pane-props.ts";
import { volumeColumns, volumeRow } from "./view-model.ts";

export function VolumesPane(props: PaneProps) {
  const { mirror, ui, now } = props;
  const shown = visibleVolumes(mirror, ui);
  const list = useMemo(
    () => shown.map((volume) => volumeRow(volume, usersOfVolume(mirror, volume), now)),
    [shown, mirror, now],
  );
  return (
    <ListPane
      {...props}
      list={list}
      all={mirror.volumes.length}
      pane="volumes"
      tableColumns={volumeColumns}
      empty={emptyLines(props)}
    />
  );
}

function emptyLines({ mayChange, volumeKey, focused }: PaneProps): readonly Line[] {
  if (!mayChange || volumeKey === null) return [line(span(" no volumes yet", "muted"))];
  const way = focused ? [span(volumeKey, "key"), span(" makes one", "muted")] : [];
  return [
    line(span(` no volumes yet${focused ? ": " : ""}`, "muted"), ...way),
    line(span(" or ", "muted"), span("gantry run -v data:/data", "accent"), span(" with a container", "muted")),
  ];
}
