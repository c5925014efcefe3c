import type { NetworkSummary } from "../../engine/protocol/networks.ts";
import { shortID } from "../format/ids.ts";
import { formatGoTime } from "./docker-time.ts";
import { anyHolds, type Filters, labelsHold, parsePattern, parseTruthFilter } from "./filters.ts";
import { joinLabels, labelReader } from "./label-fields.ts";
import type { Fields, ListingSpec } from "./listing.ts";
import { UsageError } from "./parse/usage-error.ts";

export const networkListing: ListingSpec = {
  headers: {
    ID: "NETWORK ID",
    Name: "NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    IPv4: "IPV4",
    IPv6: "IPV6",
    Internal: "INTERNAL",
    Label: (key) => key,
    Labels: "LABELS",
    CreatedAt: "CREATED AT",
  },
  columns: ["ID", "Name", "Driver", "Scope"],
  quietField: "ID",
};

/** A network as docker's `network ls` shows it. */
export function networkFields(network: NetworkSummary, truncate: boolean): Fields {
  const { labels } = network;
  return {
    CreatedAt: formatGoTime(network.createdAt),
    Driver: network.driver,
    ID: truncate ? shortID(network.id) : network.id,
    IPv4: String(network.subnets.some(({ subnet }) => !subnet.includes(":"))),
    IPv6: String(network.enableIPv6),
    Internal: String(network.internal),
    Label: labelReader(labels),
    Labels: joinLabels(labels),
    Name: network.name,
    Scope: "local",
  };
}

/** Keys of `network ls --filter`. */
export const networkFilterKeys = ["dangling", "driver", "id", "label", "name", "scope", "type"];

/** Those that are there without being made. */
const builtIn = ["bridge", "host", "none"];

/** `usedBy`: the names of networks that a container is on, or will be when it runs. */
export function filterNetworks(
  networks: readonly NetworkSummary[],
  filters: Filters,
  usedBy: ReadonlySet<string>,
): NetworkSummary[] {
  const dangling = parseTruthFilter(filters, "dangling");
  checkType(filters);
  return networks.filter((network) => {
    const isBuiltIn = builtIn.includes(network.name);
    return (
      anyHolds(filters, "driver", (value) => network.driver === value) &&
      anyHolds(filters, "id", (value) => parsePattern(value).test(network.id)) &&
      anyHolds(filters, "name", (value) => parsePattern(value).test(network.name)) &&
      anyHolds(filters, "scope", (value) => value === "local") &&
      anyHolds(filters, "type", (value) => value === (isBuiltIn ? "builtin" : "custom")) &&
      labelsHold(filters, network.labels) &&
      (dangling === null || dangling === (!isBuiltIn && !usedBy.has(network.name)))
    );
  });
}

function checkType(filters: Filters): void {
  const wrong = (filters.get("type") ?? []).find((value) => value !== "custom" && value !== "builtin");
  if (wrong !== undefined) throw new UsageError(`invalid filter "type=${wrong}": want custom or builtin`, 1);
}
