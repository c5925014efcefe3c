import type { BuildEvent, BuildSummary } from "../../engine/protocol/builds.ts";
import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import type { EngineEvent } from "../../engine/protocol/events.ts";
import type { ImageSummary, LayersResult } from "../../engine/protocol/images.ts";
import type { LogLine } from "../../engine/protocol/logs.ts";
import type { NetworkSummary } from "../../engine/protocol/networks.ts";
import type { Operation, StateItem } from "../../engine/protocol/state.ts";
import type { StatsSample } from "../../engine/protocol/stats.ts";
import type { SystemInfo } from "../../engine/protocol/system.ts";
import type { VolumeSummary } from "../../engine/protocol/volumes.ts";
import type { ConnectionState } from "../client/reconnect.ts";
import { screenText } from "../format/screen-text.ts";
import { addBuildEvents, noBuild, orderedBuilds, type WatchedBuild } from "./builds.ts";
import { appendEvents, type EventLog, emptyEventLog } from "./event-log.ts";
import { addNewerLines, appendLines, emptyLog, type LogBuffer, openLog, prependLines } from "./log-buffer.ts";
import { measurePaces, type Paces } from "./pace.ts";

/** What the engine said last. Only its answers and events change this. */
export type Mirror = {
  readonly connection: ConnectionState;
  /** True once the first snapshot is here; stays true while the engine is lost. */
  readonly synced: boolean;
  /** Ordered for the screen. */
  readonly containers: readonly ContainerSummary[];
  readonly images: readonly ImageSummary[];
  readonly networks: readonly NetworkSummary[];
  readonly volumes: readonly Volume[];
  /** Running ones first. */
  readonly builds: readonly BuildSummary[];
  /** The one that is looked at. */
  readonly build: WatchedBuild;
  readonly operations: readonly Operation[];
  /** How fast the operations get on. */
  readonly paces: Paces;
  /** By container, oldest first, at most `historyLength`. */
  readonly stats: ReadonlyMap<string, readonly StatsSample[]>;
  readonly logs: LogBuffer;
  readonly layers: LayersView;
  readonly events: EventLog;
  readonly info: SystemInfo | null;
};

/** Its name is what identifies a volume: lists want an id. */
export type Volume = VolumeSummary & { readonly id: string };

/** The layers of what `key` names (`image <id>` or `container <id>`); result null while they are being read. */
export type LayersView = { readonly key: string; readonly result: LayersResult | null; readonly error: string };

export type MirrorAction =
  | { readonly type: "connection"; readonly state: ConnectionState }
  | { readonly type: "state"; readonly item: StateItem }
  /** Looks at how far the operations are. `at`: milliseconds since the epoch. */
  | { readonly type: "pace"; readonly at: number }
  | { readonly type: "stats"; readonly samples: readonly StatsSample[] }
  | { readonly type: "history"; readonly container: string; readonly samples: readonly StatsSample[] }
  /** Another build is looked at: what was told of the last one goes. */
  | { readonly type: "build-opened"; readonly id: string }
  | { readonly type: "build-events"; readonly id: string; readonly events: readonly BuildEvent[] }
  | { readonly type: "info"; readonly info: SystemInfo }
  | { readonly type: "layers-wanted"; readonly key: string }
  | { readonly type: "layers"; readonly key: string; readonly result: LayersResult | null; readonly error: string }
  /** Another question about what happened: the answers to the last one go. */
  | { readonly type: "events-opened"; readonly key: string }
  | { readonly type: "events"; readonly key: string; readonly events: readonly EngineEvent[] }
  | { readonly type: "logs-opened"; readonly containers: readonly string[]; readonly contains: string }
  | { readonly type: "logs"; readonly key: string; readonly lines: readonly LogLine[] }
  | { readonly type: "logs-paging"; readonly key: string; readonly paging: boolean }
  | {
      readonly type: "logs-newer";
      readonly key: string;
      readonly lines: readonly LogLine[];
      readonly after: ReadonlyMap<string, number>;
      readonly isAtEnd: boolean;
    }
  | {
      readonly type: "logs-older";
      readonly key: string;
      readonly lines: readonly LogLine[];
      readonly before: ReadonlyMap<string, number | null>;
    };

/** Ten minutes at one sample a second. */
export const historyLength = 600;

export const emptyMirror: Mirror = {
  connection: { status: "connecting" },
  synced: false,
  containers: [],
  images: [],
  networks: [],
  volumes: [],
  builds: [],
  build: noBuild,
  operations: [],
  paces: new Map(),
  stats: new Map(),
  logs: emptyLog,
  layers: { key: "", result: null, error: "" },
  events: emptyEventLog,
  info: null,
};

export function reduceMirror(mirror: Mirror, action: MirrorAction): Mirror {
  switch (action.type) {
    case "connection":
      return { ...mirror, connection: action.state };
    case "state":
      return reduceState(mirror, action.item);
    case "pace": {
      const paces = measurePaces(mirror.paces, mirror.operations, action.at);
      return paces === mirror.paces ? mirror : { ...mirror, paces };
    }
    case "stats":
      return action.samples.length === 0 ? mirror : { ...mirror, stats: addSamples(mirror, action.samples) };
    case "history":
      return { ...mirror, stats: fillHistory(mirror.stats, action.container, action.samples) };
    case "info":
      return { ...mirror, info: action.info };
    case "build-opened":
      return { ...mirror, build: { ...noBuild, id: action.id } };
    case "build-events":
      if (action.id !== mirror.build.id) return mirror;
      return { ...mirror, build: addBuildEvents(mirror.build, action.events, screenText) };
    case "layers-wanted":
      return { ...mirror, layers: { key: action.key, result: null, error: "" } };
    case "layers":
      if (action.key !== mirror.layers.key) return mirror;
      return { ...mirror, layers: { key: action.key, result: action.result, error: action.error } };
    case "events-opened":
      return { ...mirror, events: { key: action.key, events: [] } };
    case "events":
      if (action.key !== mirror.events.key) return mirror;
      return { ...mirror, events: appendEvents(mirror.events, action.events) };
    default:
      return reduceLogs(mirror, action);
  }
}

type LogsAction = Extract<MirrorAction, { type: "logs-opened" | "logs" | "logs-paging" | "logs-older" | "logs-newer" }>;

function reduceLogs(mirror: Mirror, action: LogsAction): Mirror {
  if (action.type === "logs-opened") return { ...mirror, logs: openLog(action.containers, action.contains) };
  if (action.key !== mirror.logs.key) return mirror;
  switch (action.type) {
    case "logs":
      return { ...mirror, logs: appendLines(mirror.logs, action.lines, screenText) };
    case "logs-paging":
      return { ...mirror, logs: { ...mirror.logs, paging: action.paging } };
    case "logs-newer":
      return { ...mirror, logs: addNewerLines(mirror.logs, action.lines, { ...action, clean: screenText }) };
    case "logs-older":
      return { ...mirror, logs: prependLines(mirror.logs, action.lines, { before: action.before, clean: screenText }) };
  }
}

function reduceState(mirror: Mirror, item: StateItem): Mirror {
  if (item.type === "snapshot") {
    return withObjects(mirror, {
      containers: item.containers,
      images: item.images,
      networks: orderedNetworks(item.networks),
      volumes: orderedVolumes(item.volumes),
      builds: orderedBuilds(item.builds ?? []),
      operations: item.operations,
    });
  }
  return withObjects(mirror, {
    containers: merge(mirror.containers, item.containers, item.removedContainers),
    images: merge(mirror.images, item.images, item.removedImages),
    networks: item.networks === undefined ? mirror.networks : orderedNetworks(item.networks),
    volumes: item.volumes === undefined ? mirror.volumes : orderedVolumes(item.volumes),
    builds: item.builds === undefined ? mirror.builds : orderedBuilds(item.builds),
    operations: item.operations ?? mirror.operations,
  });
}

type Objects = Pick<Mirror, "containers" | "images" | "networks" | "volumes" | "builds" | "operations">;

function withObjects(mirror: Mirror, objects: Objects): Mirror {
  const alive = new Set(objects.containers.map((container) => container.id));
  const stats = new Map([...mirror.stats].filter(([id]) => alive.has(id)));
  return {
    ...mirror,
    ...objects,
    synced: true,
    stats: stats.size === mirror.stats.size ? mirror.stats : stats,
    containers: [...objects.containers].sort(byLifeAndName),
    images: [...objects.images].sort(byReference),
  };
}

function merge<T extends { readonly id: string }>(
  old: readonly T[],
  changed: readonly T[],
  removed: readonly string[],
): T[] {
  const byID = new Map(old.map((item) => [item.id, item]));
  for (const id of removed) byID.delete(id);
  for (const item of changed) byID.set(item.id, item);
  return [...byID.values()];
}

const collator = new Intl.Collator("en", { numeric: true });
const living = new Set<ContainerSummary["status"]>(["running", "paused", "restarting"]);

/** True while it has processes. */
export function isLive(container: ContainerSummary): boolean {
  return living.has(container.status);
}

function byLifeAndName(left: ContainerSummary, right: ContainerSummary): number {
  return Number(isLive(right)) - Number(isLive(left)) || collator.compare(left.name, right.name);
}

const builtInNetworks = ["bridge", "host", "none"];

/** True for those that every host has, and that cannot be removed. */
export function isBuiltIn({ name }: Pick<NetworkSummary, "name">): boolean {
  return builtInNetworks.includes(name);
}

/** Those that somebody made come first. */
function orderedNetworks(networks: readonly NetworkSummary[]): readonly NetworkSummary[] {
  const rank = ({ name }: NetworkSummary) => builtInNetworks.indexOf(name);
  return networks.toSorted((left, right) => rank(left) - rank(right) || collator.compare(left.name, right.name));
}

/** Those without a name of their own come last. */
function orderedVolumes(volumes: readonly VolumeSummary[]): readonly Volume[] {
  return volumes
    .map((volume) => ({ ...volume, id: volume.name }))
    .toSorted(
      (left, right) => Number(left.anonymous) - Number(right.anonymous) || collator.compare(left.name, right.name),
    );
}

/** Images without a name come last. */
function byReference(left: ImageSummary, right: ImageSummary): number {
  const [a, b] = [left.references[0] ?? "", right.references[0] ?? ""];
  return Number(a === "") - Number(b === "") || collator.compare(a, b) || collator.compare(left.id, right.id);
}

function addSamples(mirror: Mirror, samples: readonly StatsSample[]): Mirror["stats"] {
  const stats = new Map(mirror.stats);
  for (const sample of samples) {
    const old = stats.get(sample.container) ?? [];
    const last = old.at(-1);
    // A container that was started anew counts from zero: its old curve is another story, but stays as history.
    if (last !== undefined && last.time >= sample.time) continue;
    stats.set(sample.container, [...old.slice(1 - historyLength), sample]);
  }
  return stats;
}

function fillHistory(stats: Mirror["stats"], container: string, older: readonly StatsSample[]): Mirror["stats"] {
  const known = stats.get(container) ?? [];
  const firstKnown = known[0]?.time ?? Number.POSITIVE_INFINITY;
  const missing = older.filter((sample) => sample.time < firstKnown);
  if (missing.length === 0) return stats;
  return new Map([...stats, [container, [...missing, ...known].slice(-historyLength)]]);
}
