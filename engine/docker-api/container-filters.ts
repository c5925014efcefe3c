import { EngineError } from "../errors.ts";
import { matchesLabels } from "../lib/label-filter.ts";
import type { ContainerSummary } from "../protocol/containers.ts";
import type { ServerParts } from "../server/parts.ts";
import type { Filters } from "./filters.ts";
import { filterFlag } from "./filters.ts";
import { matchesAnyName } from "./name-pattern.ts";

/** Those of moby's list of containers. */
export const containerFilters = [
  "ancestor",
  "before",
  "expose",
  "exited",
  "health",
  "id",
  "isolation",
  "is-task",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
];
const statuses = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
const healths = ["none", "starting", "healthy", "unhealthy"];

type Parts = Pick<ServerParts, "containers" | "images">;
type Test = (container: ContainerSummary) => boolean;

/** The containers that pass, in the order given. Fails in docker's words. */
export function filterContainers(
  all: readonly ContainerSummary[],
  filters: Filters,
  parts: Parts,
): readonly ContainerSummary[] {
  if (filters.size === 0) return all;
  const tests = testsOf(filters, parts);
  return all.filter((container) => tests.every((holds) => holds(container)));
}

/** Whether a list that was not asked for `all` shows others than those that run (moby, daemon/list.go): by their status alone. */
export function asksForAll(filters: Filters): boolean {
  return filters.has("status");
}

function testsOf(filters: Filters, { containers, images }: Parts): Test[] {
  const tests: Test[] = [];
  const add = (name: string, make: (values: readonly string[]) => Test) => {
    const values = filters.get(name);
    if (values !== undefined) tests.push(make(values));
  };
  const positionOf = (container: string) => containers.get(container).createdAt;
  add("status", (values) => oneOf("status", values, statuses, ({ status }) => status));
  add("health", (values) => oneOf("health", values, healths, ({ health }) => health));
  add("exited", (values) => hasExited(values));
  add("id", (values) => (container) => values.some((value) => container.id.startsWith(value)));
  add("name", (values) => (container) => matchesName(values, container.name));
  add("label", (values) => (container) => matchesLabels(container.labels, values));
  add("before", ([value = ""]) => isMade(positionOf(value), (created, point) => created < point));
  add("since", ([value = ""]) => isMade(positionOf(value), (created, point) => created > point));
  add("ancestor", (values) => descendsFromAny(values, images));
  add("volume", (values) => hasMount(values));
  add("network", (values) => isOnNetwork(values));
  add("publish", (values) => hasPort(values, ({ ports }) => ports.map((port) => toKey(port.hostPort, port.protocol))));
  add("expose", (values) => hasPort(values, exposedOf));
  // Tasks are swarm's.
  if (filterFlag(filters, "is-task") === true) tests.push(() => false);
  return tests;
}

function oneOf(
  name: string,
  values: readonly string[],
  known: readonly string[],
  of: (container: ContainerSummary) => string,
): Test {
  const wrong = values.find((value) => !known.includes(value));
  if (wrong !== undefined) throw invalid(`invalid filter '${name}=${wrong.slice(0, 80)}'`);
  return (container) => values.includes(of(container));
}

function hasExited(values: readonly string[]): Test {
  const wrong = values.find((value) => !/^-?\d{1,9}$/.test(value));
  if (wrong !== undefined) throw invalid(`strconv.Atoi: parsing ${JSON.stringify(wrong.slice(0, 80))}: invalid syntax`);
  const codes = values.map(Number);
  return ({ status, exitCode, startedAt }) =>
    status === "exited" && startedAt !== null && codes.includes(exitCode ?? 0);
}

/** docker's names begin with a slash, so that clients write `^/web$`. */
function matchesName(values: readonly string[], name: string): boolean {
  return matchesAnyName(values, name) || matchesAnyName(values, `/${name}`);
}

function isMade(point: string, compare: (created: string, point: string) => boolean): Test {
  return ({ createdAt }) => compare(createdAt, point);
}

/** An image, by name or id, or one that it was built upon. */
function descendsFromAny(values: readonly string[], images: Parts["images"]): Test {
  const chains = values.flatMap((value) => {
    try {
      const { id, chain } = images.resolve(value);
      return [{ id, chain }];
    } catch {
      // docker shows nothing for an image that is not there.
      return [];
    }
  });
  return ({ imageID }) =>
    chains.some(({ id, chain }) => {
      if (id === imageID) return true;
      const own = chainOf(images, imageID);
      return own !== null && chain.length < own.length && chain.every((layer, index) => layer === own[index]);
    });
}

function chainOf(images: Parts["images"], imageID: string): readonly string[] | null {
  try {
    return images.resolve(imageID).chain;
  } catch {
    return null;
  }
}

function hasMount(values: readonly string[]): Test {
  return ({ mounts }) =>
    mounts.some(({ name, source, target }) =>
      values.some((value) => [name, source, target].includes(value.length > 1 ? value.replace(/\/$/, "") : value)),
    );
}

function isOnNetwork(values: readonly string[]): Test {
  return ({ endpoints, network }) =>
    values.some(
      (value) =>
        network === value ||
        endpoints.some(
          (endpoint) => endpoint.network === value || (value !== "" && endpoint.networkID.startsWith(value)),
        ),
    );
}

/** `80`, `80/udp` or `8000-8010/tcp` */
function hasPort(values: readonly string[], keysOf: (container: ContainerSummary) => readonly string[]): Test {
  const ranges = values.map((value) => {
    const [, first = "", last = first, protocol = "tcp"] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(\w+))?$/.exec(value) ?? [];
    if (first === "") throw invalid(`invalid port specification: ${JSON.stringify(value.slice(0, 80))}`);
    return { first: Number(first), last: Number(last), protocol: protocol.toLowerCase() };
  });
  return (container) =>
    keysOf(container).some((key) => {
      const [number = "", protocol] = key.split("/");
      return ranges.some(
        (range) => range.protocol === protocol && Number(number) >= range.first && Number(number) <= range.last,
      );
    });
}

function exposedOf({ ports, exposedPorts = [] }: ContainerSummary): readonly string[] {
  return [...exposedPorts, ...ports.map(({ containerPort, protocol }) => toKey(containerPort, protocol))];
}

function toKey(port: number, protocol: string): string {
  return `${port}/${protocol}`;
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
