import type { NetworkSummary } from "../../../engine/protocol/networks.ts";
import { type Dashboard, flash } from "../../app/dashboard.ts";
import { describe, runOnEach, type Target } from "../../app/run-on-each.ts";
import { screenText } from "../../format/screen-text.ts";
import { isBuiltIn } from "../../store/mirror.ts";
import { selectedNetwork, targetNetworks, usersOfNetwork } from "../../store/selectors.ts";

/** What can be done to networks: to the marked ones, else to the one under the cursor. */

export function networkTarget({ id, name }: Pick<NetworkSummary, "id" | "name">): Target {
  return { id, name: screenText(name) };
}

/** Asks, or says why it cannot be: those of every host stay, and those that are in use. */
export function askDelete(dashboard: Dashboard): void {
  const mirror = dashboard.mirror.get();
  const found = targetNetworks(mirror, dashboard.ui.get());
  const fixed = found.filter(isBuiltIn);
  const [used] = found.filter((network) => usersOfNetwork(mirror, network).length > 0);
  if (found.length === 0) flash(dashboard, { tone: "info", message: "no network is selected" });
  else if (fixed.length > 0) {
    const names = describe(fixed.map(networkTarget));
    flash(dashboard, { tone: "info", message: `${names}: every host has it, it cannot be removed` });
  } else if (used !== undefined) {
    const users = describe(usersOfNetwork(mirror, used).map(({ id, name }) => ({ id, name: screenText(name) })));
    const message = `${screenText(used.name)} is in use by ${users}`;
    flash(dashboard, { tone: "warn", message, hint: "disconnect them, or delete them" });
  } else {
    const names = describe(found.map(networkTarget));
    const question = `delete ${found.length === 1 ? `network ${names}` : `${found.length} networks (${names})`}?`;
    const targets = found.map(({ id }) => id);
    dashboard.ui.dispatch({ type: "prompt", prompt: { kind: "confirm", question, command: "object.delete", targets } });
  }
}

export async function remove(dashboard: Dashboard, ids: readonly string[]): Promise<void> {
  const found = dashboard.mirror.get().networks.filter(({ id }) => ids.includes(id));
  await runOnEach(dashboard, found.map(networkTarget), {
    doing: "deleting",
    done: "deleted",
    twin: "gantry network rm",
    act: ({ id }) => dashboard.client.request("networks.remove", { network: id }),
  });
  dashboard.ui.dispatch({ type: "unmark", pane: "networks", ids });
}

/** To the containers that use what is selected, as a filter of their list. */
export function showUsers(dashboard: Dashboard, kind: "network" | "volume", name: string, count: number): void {
  if (count === 0) {
    flash(dashboard, { tone: "info", message: `no container uses ${screenText(name)}` });
    return;
  }
  dashboard.ui.dispatchAll([
    { type: "filter", pane: "containers", text: `${kind}=${name}` },
    { type: "focus", pane: "containers" },
  ]);
}

export function showNetworkUsers(dashboard: Dashboard): void {
  const mirror = dashboard.mirror.get();
  const network = selectedNetwork(mirror, dashboard.ui.get());
  if (network !== null) showUsers(dashboard, "network", network.name, usersOfNetwork(mirror, network).length);
}
