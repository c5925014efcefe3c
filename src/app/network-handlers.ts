import type { networkCommands } from "../keymap/network-commands.ts";
import { lookFurtherBack, openEvents } from "../panes/events/actions.ts";
import { showNetworkUsers } from "../panes/networks/actions.ts";
import { disconnect, openConnections, toggleConnection } from "../panes/networks/connections.ts";
import { openNetworkForm } from "../panes/networks/create-form.ts";
import { openPrune } from "../panes/prune/actions.ts";
import { showVolumeUsers } from "../panes/volumes/actions.ts";
import { openVolumeForm } from "../panes/volumes/create-form.ts";
import type { Dashboard } from "./dashboard.ts";

type NetworkCommandID = (typeof networkCommands)[number]["id"];

/** What the commands about networks, volumes and events do. */
export const networkHandlers: Readonly<Record<NetworkCommandID, (dashboard: Dashboard) => void | Promise<void>>> = {
  "network.create": openNetworkForm,
  "network.connections": openConnections,
  "network.toggle": toggleConnection,
  "network.prune": openPrune("networks"),
  "volume.create": openVolumeForm,
  "volume.prune": openPrune("volumes"),
  "object.users": (dashboard) =>
    dashboard.ui.get().focus === "networks" ? showNetworkUsers(dashboard) : showVolumeUsers(dashboard),
  "events.open": openEvents,
  "events.since": lookFurtherBack,
};

/** Those that were asked about, with the answer yes. */
export const confirmedNetworks = { "network.toggle": disconnect } as const;
