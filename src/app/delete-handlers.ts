import * as containers from "../panes/containers/actions.ts";
import * as images from "../panes/images/actions.ts";
import * as networks from "../panes/networks/actions.ts";
import * as volumes from "../panes/volumes/actions.ts";
import { isMarkPane, type MarkPane } from "../store/ui.ts";
import type { Dashboard } from "./dashboard.ts";

type Deleter = {
  readonly askDelete: (dashboard: Dashboard) => void;
  readonly remove: (dashboard: Dashboard, ids: readonly string[]) => Promise<void>;
};

const deleters: Readonly<Record<MarkPane, Deleter>> = { containers, images, networks, volumes };

/** Asks whether what is selected in the pane that has the focus shall go. */
export function askDelete(dashboard: Dashboard): void {
  const { focus } = dashboard.ui.get();
  if (isMarkPane(focus)) deleters[focus].askDelete(dashboard);
}

/** Deletes what was asked about, of whichever kind it is: the focus may be elsewhere by now. */
export async function removeAsked(dashboard: Dashboard, ids: readonly string[]): Promise<void> {
  const mirror = dashboard.mirror.get();
  const panes = ["containers", "images", "networks", "volumes"] as const;
  const pane = panes.find((one) => mirror[one].some(({ id }) => ids.includes(id)));
  if (pane !== undefined) await deleters[pane].remove(dashboard, ids);
}
