import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { NetworkSummary } from "../../../engine/protocol/networks.ts";
import { fitSpans } from "../../components/spans.ts";
import { screenText } from "../../format/screen-text.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, type Span, span } from "../../theme/tokens.ts";
import { createdSpans } from "../images/details-page.ts";
import { field, heading, page, pairs } from "../page.ts";

/** All about a network, to be read by a person. `users`: containers with a place on it. */
export function networkPage(network: NetworkSummary, users: readonly ContainerSummary[], now: number): Line[] {
  const { name, id, driver, internal, enableIPv6, interfaceName, mtu } = network;
  return page(
    [
      ...field("Name", name, "strong"),
      ...field("ID", id),
      ...field("Driver", driver),
      ...field("Created", createdSpans(network.createdAt, now)),
      ...field("Device", interfaceName ?? ""),
      ...field("MTU", mtu === null ? "" : String(mtu)),
      ...field("Way out", internal ? [[span("none: internal, only its own containers are reached", "warn")]] : ""),
      ...field("IPv6", enableIPv6 ? "yes" : ""),
      ...field("Names", namesOf(network)),
    ],
    field("Subnets", network.subnets.map(subnetSpans)),
    field("Options", pairs(sortedPairs(network.options))),
    field("Labels", pairs(sortedPairs(network.labels))),
    heading(
      `Containers ${users.length === 0 ? "" : users.length}`.trim(),
      users.length === 0 ? [{ spans: [span("none", "muted")] }] : users.map((user) => userLine(user, network, users)),
    ),
  );
}

/** Where containers find each other by name, and where not, as docker has it. */
function namesOf({ name, driver }: NetworkSummary): string {
  if (driver === "host" || driver === "null") return "";
  return name === "bridge"
    ? "not resolved here; networks of your own resolve them"
    : "resolved: containers find each other by name";
}

export function sortedPairs(texts: Readonly<Record<string, string>>): string[] {
  return Object.entries(texts)
    .map(([key, value]) => `${key}=${value}`)
    .toSorted();
}

function subnetSpans({ subnet, gateway, ipRange }: NetworkSummary["subnets"][number]): Span[] {
  return [
    span(screenText(subnet)),
    span(gateway === "" ? "" : `  gateway ${screenText(gateway)}`, "muted"),
    span(ipRange === "" || ipRange === subnet ? "" : `  containers from ${screenText(ipRange)}`, "muted"),
  ];
}

function userLine(user: ContainerSummary, network: NetworkSummary, all: readonly ContainerSummary[]): Line {
  const width = Math.min(32, Math.max(...all.map(({ name }) => name.length)));
  const live = user.pid !== null;
  const there = network.containers.find(({ id }) => id === user.id);
  const endpoint = user.endpoints.find(({ networkID }) => networkID === network.id);
  const addresses = [
    there?.ipAddress ?? endpoint?.ipAddress,
    there?.ipv6Address ?? endpoint?.ipv6Address,
    there?.macAddress,
  ];
  const known = addresses.filter((address) => typeof address === "string");
  const aliases = endpoint?.aliases ?? [];
  return {
    spans: [
      span(`${live ? glyphs.dot : glyphs.ring} `, live ? "ok" : "faint"),
      ...fitSpans([span(screenText(user.name), live ? "text" : "muted")], width),
      span(known.length === 0 ? `  ${user.status}` : `  ${screenText(known.join("  "))}`, "muted"),
      ...(aliases.length === 0 ? [] : [span("  as ", "faint"), span(screenText(aliases.join(" ")))]),
    ],
    indent: width + 4,
  };
}
