import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import type { ImageSummary } from "../../engine/protocol/images.ts";
import type { NetworkSummary } from "../../engine/protocol/networks.ts";
import { type LayerRow, layerRows } from "../panes/layers/rows.ts";
import { isLive, type Mirror, type Volume } from "./mirror.ts";
import type { ListPane, Selection, Ui } from "./ui.ts";

/** What is seen of the state: pure functions of mirror and ui. */

/** A text that stands in the name, image, state or id; `network=NAME` and `volume=NAME`, as docker's filters, are those on it. */
export function visibleContainers(mirror: Mirror, ui: Ui): readonly ContainerSummary[] {
  const wanted = ui.filters.containers.toLowerCase();
  if (wanted === "") return mirror.containers;
  const [, key, value = ""] = /^(network|volume)=(.*)$/i.exec(ui.filters.containers) ?? [];
  if (key?.toLowerCase() === "network") return mirror.containers.filter((container) => isOn(container, value));
  if (key !== undefined) return mirror.containers.filter((container) => hasVolume(container, value));
  return mirror.containers.filter((container) =>
    [container.name, container.image, container.status, container.health, container.id].some((text) =>
      text.toLowerCase().includes(wanted),
    ),
  );
}

/** By the network's name or id. */
export function isOn({ endpoints }: ContainerSummary, network: string): boolean {
  return endpoints.some((endpoint) => endpoint.network === network || endpoint.networkID === network);
}

export function hasVolume({ mounts }: ContainerSummary, volume: string): boolean {
  return mounts.some(({ name }) => name === volume);
}

export function visibleImages(mirror: Mirror, ui: Ui): readonly ImageSummary[] {
  const wanted = ui.filters.images.toLowerCase();
  if (wanted === "") return mirror.images;
  return mirror.images.filter((image) =>
    [image.id, ...image.references].some((text) => text.toLowerCase().includes(wanted)),
  );
}

export function visibleLayers(mirror: Mirror, ui: Ui): readonly LayerRow[] {
  const rows = mirror.layers.result === null ? [] : layerRows(mirror.layers.result);
  const wanted = ui.filters.layers.toLowerCase();
  if (wanted === "") return rows;
  return rows.filter((row) => [row.command, row.id].some((text) => text.toLowerCase().includes(wanted)));
}

export function visibleNetworks({ networks }: Mirror, ui: Ui): readonly NetworkSummary[] {
  const wanted = ui.filters.networks.toLowerCase();
  if (wanted === "") return networks;
  return networks.filter(({ id, name, driver, subnets, containers }) =>
    [id, name, driver, ...subnets.map(({ subnet }) => subnet), ...containers.map((one) => one.name)].some((text) =>
      text.toLowerCase().includes(wanted),
    ),
  );
}

export function visibleVolumes({ volumes }: Mirror, ui: Ui): readonly Volume[] {
  const wanted = ui.filters.volumes.toLowerCase();
  if (wanted === "") return volumes;
  return volumes.filter(({ name, driver, options }) =>
    [name, driver, ...Object.values(options)].some((text) => text.toLowerCase().includes(wanted)),
  );
}

/** Where the cursor stands in a list: at the row selected, or at its place when that row is gone; -1 in an empty list. */
export function selectedIndex(rows: readonly { readonly id: string }[], selection: Selection): number {
  const index = selection.id === null ? -1 : rows.findIndex((row) => row.id === selection.id);
  return index === -1 ? Math.min(selection.index, rows.length - 1) : index;
}

export function rowsOf(mirror: Mirror, ui: Ui, pane: ListPane): readonly { readonly id: string }[] {
  switch (pane) {
    case "containers":
      return visibleContainers(mirror, ui);
    case "images":
      return visibleImages(mirror, ui);
    case "layers":
      return visibleLayers(mirror, ui);
    case "networks":
      return visibleNetworks(mirror, ui);
    case "volumes":
      return visibleVolumes(mirror, ui);
  }
}

export function selectedContainer(mirror: Mirror, ui: Ui): ContainerSummary | null {
  const rows = visibleContainers(mirror, ui);
  return rows[selectedIndex(rows, ui.selections.containers)] ?? null;
}

export function selectedImage(mirror: Mirror, ui: Ui): ImageSummary | null {
  const rows = visibleImages(mirror, ui);
  return rows[selectedIndex(rows, ui.selections.images)] ?? null;
}

export function selectedLayer(mirror: Mirror, ui: Ui): LayerRow | null {
  const rows = visibleLayers(mirror, ui);
  return rows[selectedIndex(rows, ui.selections.layers)] ?? null;
}

export function selectedNetwork(mirror: Mirror, ui: Ui): NetworkSummary | null {
  const rows = visibleNetworks(mirror, ui);
  return rows[selectedIndex(rows, ui.selections.networks)] ?? null;
}

export function selectedVolume(mirror: Mirror, ui: Ui): Volume | null {
  const rows = visibleVolumes(mirror, ui);
  return rows[selectedIndex(rows, ui.selections.volumes)] ?? null;
}

/** What a command acts on: the marked containers, or the one under the cursor. */
export function targetContainers(mirror: Mirror, ui: Ui): readonly ContainerSummary[] {
  const marked = mirror.containers.filter((container) => ui.marks.containers.includes(container.id));
  if (marked.length > 0) return marked;
  const selected = selectedContainer(mirror, ui);
  return selected === null ? [] : [selected];
}

export function targetImages(mirror: Mirror, ui: Ui): readonly ImageSummary[] {
  const marked = mirror.images.filter((image) => ui.marks.images.includes(image.id));
  if (marked.length > 0) return marked;
  const selected = selectedImage(mirror, ui);
  return selected === null ? [] : [selected];
}

export function targetNetworks(mirror: Mirror, ui: Ui): readonly NetworkSummary[] {
  const marked = mirror.networks.filter((network) => ui.marks.networks.includes(network.id));
  if (marked.length > 0) return marked;
  const selected = selectedNetwork(mirror, ui);
  return selected === null ? [] : [selected];
}

export function targetVolumes(mirror: Mirror, ui: Ui): readonly Volume[] {
  const marked = mirror.volumes.filter((volume) => ui.marks.volumes.includes(volume.id));
  if (marked.length > 0) return marked;
  const selected = selectedVolume(mirror, ui);
  return selected === null ? [] : [selected];
}

/** Which containers are on which network, by its id, and which have which volume, by its name. */
type Users = {
  readonly byID: ReadonlyMap<string, ContainerSummary>;
  readonly ofNetworks: ReadonlyMap<string, readonly ContainerSummary[]>;
  readonly ofVolumes: ReadonlyMap<string, readonly ContainerSummary[]>;
};

const usersOf = new WeakMap<readonly ContainerSummary[], Users>();

/** Gathered once for each list of containers: hundreds of volumes are drawn with it many times. */
function findUsers({ containers }: Pick<Mirror, "containers">): Users {
  const known = usersOf.get(containers);
  if (known !== undefined) return known;
  const byID = new Map(containers.map((container) => [container.id, container]));
  const networks = containers.flatMap((one) => one.endpoints.map(({ networkID }) => [networkID, one] as const));
  const volumes = containers.flatMap((one) => one.mounts.flatMap(({ name }) => (name ? [[name, one] as const] : [])));
  const users = { byID, ofNetworks: grouped(networks), ofVolumes: grouped(volumes) };
  usersOf.set(containers, users);
  return users;
}

function grouped(pairs: readonly (readonly [string, ContainerSummary])[]): Map<string, ContainerSummary[]> {
  const groups = new Map<string, ContainerSummary[]>();
  for (const [key, container] of pairs) {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [container]);
    else if (!group.includes(container)) group.push(container);
  }
  return groups;
}

/** Containers that have a place on the network, running or not. */
export function usersOfNetwork(mirror: Mirror, { id, containers }: NetworkSummary): readonly ContainerSummary[] {
  const { byID, ofNetworks } = findUsers(mirror);
  return united(
    ofNetworks.get(id) ?? [],
    containers.flatMap((one) => byID.get(one.id) ?? []),
  );
}

/** Containers that name the volume, running or not. */
export function usersOfVolume(mirror: Mirror, { name, usedBy }: Volume): readonly ContainerSummary[] {
  const { byID, ofVolumes } = findUsers(mirror);
  return united(
    ofVolumes.get(name) ?? [],
    usedBy.flatMap((id) => byID.get(id) ?? []),
  );
}

function united(some: readonly ContainerSummary[], others: readonly ContainerSummary[]): readonly ContainerSummary[] {
  const missing = others.filter((other) => !some.includes(other));
  return missing.length === 0 ? some : [...some, ...missing];
}

/** More logs than this at once are too many to read. */
const mostLogs = 12;

/** Ids of the containers whose logs are shown. */
export function logTargets(mirror: Mirror, ui: Ui): readonly string[] {
  return targetContainers(mirror, ui)
    .slice(0, mostLogs)
    .map((container) => container.id);
}

/** Names what the layers pane shows: `image <id>`, `container <id>`, or nothing. */
export function layersKey(mirror: Mirror, ui: Ui): string {
  const container = ui.layersOf === "containers" ? selectedContainer(mirror, ui) : null;
  if (container !== null) return `container ${container.id}`;
  const image = selectedImage(mirror, ui);
  return image === null ? "" : `image ${image.id}`;
}

export type Totals = {
  readonly running: number;
  readonly paused: number;
  readonly stopped: number;
  readonly images: number;
  /** Percent of one core. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
};

export function totals(mirror: Mirror): Totals {
  const live = mirror.containers.filter(isLive);
  const paused = live.filter((container) => container.status === "paused").length;
  const samples = live.flatMap((container) => mirror.stats.get(container.id)?.at(-1) ?? []);
  return {
    running: live.length - paused,
    paused,
    stopped: mirror.containers.length - live.length,
    images: mirror.images.length,
    cpu: samples.reduce((sum, sample) => sum + (sample.cpu.percent ?? 0), 0),
    memory: samples.reduce((sum, sample) => sum + sample.memory.used, 0),
  };
}
