import type { ContainerStatus, ContainerSummary } from "../../engine/protocol/containers.ts";
import type { ImageSummary } from "../../engine/protocol/images.ts";
import { anyHolds, type Filters, labelsHold, parsePattern, parseTruthFilter } from "./filters.ts";
import { UsageError } from "./parse/usage-error.ts";

/** Keys of `ps --filter`. */
export const containerFilterKeys = [
  "id",
  "name",
  "status",
  "label",
  "ancestor",
  "exited",
  "before",
  "since",
  "health",
  "publish",
  "expose",
  "is-task",
  "network",
  "volume",
];

/** The containers that pass. `before` and `since` name another container of `all`. */
export function filterContainers(
  all: readonly ContainerSummary[],
  images: readonly ImageSummary[],
  filters: Filters,
): ContainerSummary[] {
  checkValues(filters);
  // A task is a container of swarm's.
  if (parseTruthFilter(filters, "is-task") === true) return [];
  const before = referencePoint(all, filters, "before");
  const since = referencePoint(all, filters, "since");
  return all.filter(
    (container) =>
      (before === null || container.createdAt < before) &&
      (since === null || container.createdAt > since) &&
      anyHolds(filters, "ancestor", (value) => descendsFrom(container, value, images)) &&
      identityHolds(container, filters) &&
      stateHolds(container, filters) &&
      placeHolds(container, filters),
  );
}

const statuses: readonly ContainerStatus[] = [
  "created",
  "running",
  "paused",
  "restarting",
  "exited",
  "removing",
  "dead",
];
const healths: readonly ContainerSummary["health"][] = ["none", "starting", "healthy", "unhealthy"];

/** A misspelt value would silently match nothing. */
function checkValues(filters: Filters): void {
  checkChoice(filters, "status", statuses);
  checkChoice(filters, "health", healths);
  const exited = (filters.get("exited") ?? []).find((value) => !/^-?\d+$/.test(value));
  if (exited !== undefined) throw new UsageError(`invalid filter "exited=${exited}": want an exit code`, 1);
}

function checkChoice(filters: Filters, key: string, choices: readonly string[]): void {
  const wrong = (filters.get(key) ?? []).find((value) => !choices.includes(value));
  if (wrong === undefined) return;
  throw new UsageError(`invalid filter "${key}=${wrong}": want one of ${choices.join(", ")}`, 1);
}

function identityHolds(container: ContainerSummary, filters: Filters): boolean {
  return (
    anyHolds(filters, "id", (value) => container.id.startsWith(value)) &&
    anyHolds(filters, "name", (value) => nameMatches(container.name, value)) &&
    labelsHold(filters, container.labels)
  );
}

/** Docker's names begin with a slash, so that people write `^/web$`. */
function nameMatches(name: string, value: string): boolean {
  const pattern = parsePattern(value);
  return pattern.test(name) || pattern.test(`/${name}`);
}

function stateHolds(container: ContainerSummary, filters: Filters): boolean {
  return (
    anyHolds(filters, "status", (value) => container.status === value) &&
    anyHolds(filters, "health", (value) => container.health === value) &&
    anyHolds(filters, "exited", (value) => container.status === "exited" && String(container.exitCode) === value)
  );
}

function placeHolds(container: ContainerSummary, filters: Filters): boolean {
  const { endpoints, mounts, network, ports, exposedPorts = [] } = container;
  return (
    anyHolds(filters, "publish", (value) =>
      isWithin(
        value,
        ports.map((port) => ({ number: port.hostPort, protocol: port.protocol })),
      ),
    ) &&
    anyHolds(filters, "expose", (value) =>
      isWithin(value, [
        ...ports.map((port) => ({ number: port.containerPort, protocol: port.protocol })),
        ...exposedPorts.map(splitPort),
      ]),
    ) &&
    anyHolds(
      filters,
      "network",
      (value) =>
        network === value ||
        endpoints.some((endpoint) => endpoint.network === value || endpoint.networkID.startsWith(value)),
    ) &&
    anyHolds(filters, "volume", (value) =>
      mounts.some(({ name, source, target }) => name === value || source === value || target === value),
    )
  );
}

type Port = { readonly number: number; readonly protocol: string };

/** `80`, `80/udp` or `8000-8010/tcp` */
function isWithin(value: string, ports: readonly Port[]): boolean {
  const [, first, last = first, wanted = "tcp"] = /^(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(value) ?? [];
  if (first === undefined) throw new UsageError(`invalid filter "${value}": want port[-port][/protocol]`, 1);
  return ports.some(
    ({ number, protocol }) => protocol === wanted.toLowerCase() && number >= Number(first) && number <= Number(last),
  );
}

function splitPort(text: string): Port {
  const [number, protocol = "tcp"] = text.split("/");
  return { number: Number(number), protocol };
}

function descendsFrom(container: ContainerSummary, value: string, images: readonly ImageSummary[]): boolean {
  if (container.image === value || container.imageID === value) return true;
  const hex = container.imageID.replace(/^sha256:/, "");
  if (value.length >= 4 && hex.startsWith(value.replace(/^sha256:/, ""))) return true;
  const wanted = value.includes(":") ? value : `${value}:latest`;
  return images.some((image) => image.id === container.imageID && image.references.includes(wanted));
}

/** When the container named by the filter was made, or null without such a filter. */
function referencePoint(all: readonly ContainerSummary[], filters: Filters, key: string): string | null {
  const value = filters.get(key)?.at(-1);
  if (value === undefined) return null;
  const found = all.find((container) => container.name === value || container.id.startsWith(value));
  if (found === undefined) throw new UsageError(`filter ${key}=${value}: container ${value} not found`, 1);
  return found.createdAt;
}
