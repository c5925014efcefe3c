import { useMemo } from "react";
import { usersOfNetwork, visibleNetworks } from "../../store/selectors.ts";
import { line, span } from "../../theme/tokens.ts";
import { ListPane } from "../ListPane.tsx";
import type { PaneProps } from "../pane-props.ts";
import { networkColumns, networkRow } from "./view-model.ts";

export function NetworksPane(props: PaneProps) {
  const { mirror, ui, now } = props;
  const shown = visibleNetworks(mirror, ui);
  const list = useMemo(
    () => shown.map((network) => networkRow(network, usersOfNetwork(mirror, network), now)),
    [shown, mirror, now],
  );
  const empty = [line(span(" no networks", "muted"))];
  return (
    <ListPane
      {...props}
      {...{ list, empty }}
      all={mirror.networks.length}
      pane="networks"
      tableColumns={networkColumns}
    />
  );
}
