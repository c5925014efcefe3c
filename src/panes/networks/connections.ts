import { type Dashboard, flash } from "../../app/dashboard.ts";
import { flashError } from "../../app/run-on-each.ts";
import { type Column, drawTable, windowStart } from "../../components/table.ts";
import { screenText } from "../../format/screen-text.ts";
import type { Mirror } from "../../store/mirror.ts";
import { isOn, selectedContainer, selectedIndex, selectedNetwork } from "../../store/selectors.ts";
import type { ConnectionsView } from "../../store/ui.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, line, span } from "../../theme/tokens.ts";

/** One network of a container's view, or one container of a network's. */
export type ConnectionRow = {
  readonly id: string;
  readonly name: string;
  readonly connected: boolean;
  readonly live: boolean;
  readonly detail: string;
};

/** The view of what the cursor is on: a container's networks, or a network's containers. */
export function openConnections(dashboard: Dashboard): void {
  const mirror = dashboard.mirror.get();
  const ui = dashboard.ui.get();
  const side = ui.focus === "networks" ? "network" : "container";
  const subject = side === "network" ? selectedNetwork(mirror, ui) : selectedContainer(mirror, ui);
  if (subject === null) {
    flash(dashboard, { tone: "info", message: `no ${side} is selected` });
    return;
  }
  if (side === "network" && !isJoinable(subject)) {
    flash(dashboard, { tone: "info", message: `${subject.name}: containers are on it from their start, or never` });
    return;
  }
  const selection = { id: null, index: 0 };
  dashboard.ui.dispatch({ type: "overlay", overlay: { kind: "connections", side, id: subject.id, selection } });
}

/** The host's own network and none at all are chosen when a container is made. */
function isJoinable({ name }: { readonly name: string }): boolean {
  return name !== "host" && name !== "none";
}

export function connectionRows(
  mirror: Mirror,
  { side, id }: Pick<ConnectionsView, "side" | "id">,
): readonly ConnectionRow[] {
  if (side === "network") {
    return mirror.containers.map((container) => ({
      id: container.id,
      name: screenText(container.name),
      connected: isOn(container, id),
      live: container.pid !== null,
      detail: addressOf(mirror, container.id, id) || container.status,
    }));
  }
  const container = mirror.containers.find((one) => one.id === id);
  return mirror.networks.filter(isJoinable).map((network) => ({
    id: network.id,
    name: screenText(network.name),
    connected: container !== undefined && isOn(container, network.id),
    live: true,
    detail: addressOf(mirror, id, network.id) || screenText(network.subnets.map(({ subnet }) => subnet).join(" ")),
  }));
}

function addressOf({ containers }: Mirror, container: string, network: string): string {
  const endpoint = containers
    .find(({ id }) => id === container)
    ?.endpoints.find(({ networkID }) => networkID === network);
  const texts = [endpoint?.ipAddress ?? "", endpoint?.ipv6Address ?? ""].filter((text) => text !== "");
  return screenText(texts.join(" "));
}

const columns: readonly Column<ConnectionRow>[] = [
  {
    title: "",
    minimum: 1,
    maximum: 1,
    priority: 0,
    spans: ({ connected }) => [span(connected ? glyphs.mark : "", "ok")],
  },
  {
    title: "NAME",
    minimum: 16,
    maximum: 40,
    priority: 0,
    spans: (row) => [span(row.name, row.connected ? "strong" : row.live ? "text" : "muted")],
  },
  { title: "", minimum: 10, maximum: 60, priority: 1, spans: ({ detail }) => [span(detail, "muted")] },
];

export function connectionLines(
  mirror: Mirror,
  view: ConnectionsView,
  { width, height }: { readonly width: number; readonly height: number },
): readonly Line[] {
  const rows = connectionRows(mirror, view);
  if (rows.length === 0) return [line(span(` no ${view.side === "network" ? "containers" : "networks"}`, "muted"))];
  const selected = selectedIndex(rows, view.selection);
  const count = height - 1;
  const { header, lines } = drawTable({
    columns,
    rows,
    width: width - 1,
    from: windowStart(rows.length, count, selected, 0),
    count,
    selected,
    selectedFill: "selection",
    gutter: (_row, isSelected) => span(isSelected ? glyphs.cursor : " ", "accent"),
  });
  return [header, ...lines];
}

/** Whose connections they are; empty where it has gone. */
export function connectionsTitle({ containers, networks }: Mirror, { side, id }: ConnectionsView): string {
  const found = (side === "network" ? networks : containers).find((one) => one.id === id);
  return screenText(found?.name ?? "");
}

export function moveInConnections(dashboard: Dashboard, view: ConnectionsView, step: number): void {
  const rows = connectionRows(dashboard.mirror.get(), view);
  const index = Math.max(0, Math.min(rows.length - 1, selectedIndex(rows, view.selection) + step));
  const selection = { id: rows[index]?.id ?? null, index };
  dashboard.ui.dispatch({ type: "overlay", overlay: { ...view, selection } });
}

/** Connects at once what is not connected; asks before it cuts what is. */
export async function toggleConnection(dashboard: Dashboard): Promise<void> {
  const { overlay } = dashboard.ui.get();
  if (overlay?.kind !== "connections") return;
  const mirror = dashboard.mirror.get();
  const rows = connectionRows(mirror, overlay);
  const row = rows[selectedIndex(rows, overlay.selection)];
  if (row === undefined) return;
  const [container, network] = overlay.side === "container" ? [overlay.id, row.id] : [row.id, overlay.id];
  const pair = pairOf(mirror, container, network);
  if (!row.connected) {
    await connect(dashboard, pair);
    return;
  }
  const question = `disconnect ${pair.containerName} from ${pair.networkName}?`;
  const targets = [container, network];
  dashboard.ui.dispatch({ type: "prompt", prompt: { kind: "confirm", question, command: "network.toggle", targets } });
}

type Pair = {
  readonly container: string;
  readonly network: string;
  readonly containerName: string;
  readonly networkName: string;
};

function pairOf({ containers, networks }: Mirror, container: string, network: string): Pair {
  return {
    container,
    network,
    containerName: screenText(containers.find(({ id }) => id === container)?.name ?? container),
    networkName: screenText(networks.find(({ id }) => id === network)?.name ?? network),
  };
}

async function connect(dashboard: Dashboard, { container, network, containerName, networkName }: Pair): Promise<void> {
  try {
    await dashboard.client.request("networks.connect", { network, container, settings: { aliases: [] } });
    flash(dashboard, {
      tone: "ok",
      message: `connected ${containerName} to ${networkName}`,
      twin: `gantry network connect ${networkName} ${containerName}`,
    });
  } catch (cause) {
    flashError(dashboard, cause);
  }
}

export async function disconnect(
  dashboard: Dashboard,
  [container = "", network = ""]: readonly string[],
): Promise<void> {
  const { containerName, networkName } = pairOf(dashboard.mirror.get(), container, network);
  try {
    await dashboard.client.request("networks.disconnect", { network, container, force: false });
    flash(dashboard, {
      tone: "ok",
      message: `disconnected ${containerName} from ${networkName}`,
      twin: `gantry network disconnect ${networkName} ${containerName}`,
    });
  } catch (cause) {
    flashError(dashboard, cause);
  }
}
