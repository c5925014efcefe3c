import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { NetworkSummary } from "../../../engine/protocol/networks.ts";
import type { Column } from "../../components/table.ts";
import { screenText } from "../../format/screen-text.ts";
import { isBuiltIn } from "../../store/mirror.ts";
import { type Span, span } from "../../theme/tokens.ts";
import { age } from "../age.ts";

export type NetworkRow = {
  readonly id: string;
  readonly name: string;
  /** One that every host has. */
  readonly builtIn: boolean;
  readonly driver: string;
  readonly subnets: readonly string[];
  /** What it is beside its driver: `internal`, `IPv6`. */
  readonly marks: readonly string[];
  /** Names of the containers on it, those that run first. */
  readonly users: readonly { readonly name: string; readonly live: boolean }[];
  readonly device: string;
  readonly age: string;
};

export function networkRow(network: NetworkSummary, users: readonly ContainerSummary[], now: number): NetworkRow {
  const marks = [network.internal ? "internal" : "", network.enableIPv6 ? "IPv6" : ""].filter((mark) => mark !== "");
  return {
    id: network.id,
    name: screenText(network.name),
    builtIn: isBuiltIn(network),
    driver: screenText(network.driver),
    subnets: network.subnets.map(({ subnet }) => screenText(subnet)),
    marks,
    users: userNames(users),
    device: screenText(network.interfaceName ?? ""),
    age: isBuiltIn(network) ? "" : age(network.createdAt, now),
  };
}

export function userNames(users: readonly ContainerSummary[]): NetworkRow["users"] {
  return users
    .map(({ name, pid }) => ({ name: screenText(name), live: pid !== null }))
    .toSorted((one, other) => Number(other.live) - Number(one.live));
}

/** `3`, the ones that run in their tone; `-` where nothing uses it. */
export function usersSpan(users: NetworkRow["users"]): Span {
  if (users.length === 0) return span("-", "faint");
  return span(String(users.length), users.some(({ live }) => live) ? "ok" : "muted");
}

/** All their names, as many as there is room for. */
export function userSpans(users: NetworkRow["users"]): Span[] {
  return users.map(({ name, live }, index) => span(index === 0 ? name : ` ${name}`, live ? "text" : "faint"));
}

/** The most important first: what falls off a narrow screen has the highest priority number. */
export const networkColumns: readonly Column<NetworkRow>[] = [
  {
    title: "NAME",
    minimum: 10,
    maximum: 32,
    priority: 0,
    spans: (row) => [span(row.name, row.builtIn ? "muted" : "strong")],
  },
  { title: "DRIVER", minimum: 6, maximum: 8, priority: 4, spans: (row) => [span(row.driver, "muted")] },
  { title: "SUBNET", minimum: 18, maximum: 24, priority: 1, spans: (row) => subnetSpans(row) },
  {
    title: "",
    optional: true,
    minimum: 8,
    maximum: 13,
    priority: 3,
    spans: (row) => [span(row.marks.join(" "), "info")],
  },
  { title: "IN USE", minimum: 6, maximum: 6, priority: 2, align: "right", spans: (row) => [usersSpan(row.users)] },
  { title: "CONTAINERS", optional: true, minimum: 12, maximum: 60, priority: 5, spans: (row) => userSpans(row.users) },
  {
    title: "AGE",
    optional: true,
    minimum: 4,
    maximum: 4,
    priority: 7,
    align: "right",
    spans: (row) => [span(row.age, "muted")],
  },
  {
    title: "DEVICE",
    optional: true,
    minimum: 15,
    maximum: 15,
    priority: 6,
    spans: (row) => [span(row.device, "muted")],
  },
];

/** The first, and how many there are beside it. */
function subnetSpans({ subnets }: NetworkRow): Span[] {
  const [first, ...more] = subnets;
  if (first === undefined) return [];
  return [span(first), span(more.length === 0 ? "" : ` +${more.length}`, "faint")];
}
