import { randomBytes } from "node:crypto";
import type { EngineConfig } from "../config.ts";
import type { LinkStep } from "../host/link-steps.ts";
import { formatAddress, type IPRange, rangeSize } from "../lib/ip-range.ts";
import { bridgeNameOf, isOn, mtuOf, optionNames, parentOf, subnetOf } from "./network-record.ts";
import type { Network } from "./network-service.ts";
import type { EndpointRecord } from "./sandbox-table.ts";
import { macAddressOf } from "./subnet.ts";

/** What puts a sandbox on a network, in this order: on the host, inside, on the host. */
export type LinkPlan = {
  readonly before: readonly LinkStep[];
  readonly inside: readonly LinkStep[];
  readonly after: readonly LinkStep[];
};

export type LinkSurroundings = {
  readonly config: EngineConfig;
  readonly netnsPath: string;
  /** Where the network has none of its own. */
  readonly mtu: number;
  /** What bridges pass on goes by the firewall as well (br_netfilter). */
  readonly isBridgeFiltered: boolean;
};

export function planLink(network: Network, endpoint: EndpointRecord, around: LinkSurroundings): LinkPlan {
  return network.driver === "bridge" ? planVeth(network, endpoint, around) : planVlan(network, endpoint, around);
}

/** Host end of an endpoint's veth pair, or null. */
export function hostInterfaceOf(config: EngineConfig, { link }: Pick<EndpointRecord, "link">): string | null {
  return link === null ? null : `${config.names.vethPrefix}${link}`;
}

export function macOf(network: Network, endpoint: EndpointRecord): string | null {
  if (network.driver === "ipvlan") return null;
  return endpoint.mac ?? macAddressOf(endpoint.ipv4 ?? endpoint.ipv6 ?? endpoint.endpointID);
}

/** Made from inside with the peer in the host's netns: moving an end there afterwards costs ten times as much. */
function planVeth(
  network: Network,
  endpoint: EndpointRecord,
  { config, mtu, isBridgeFiltered }: LinkSurroundings,
): LinkPlan {
  const outside = hostInterfaceOf(config, endpoint) ?? "";
  return {
    before: [],
    inside: [
      {
        kind: "add-veth",
        link: endpoint.interface,
        mac: macOf(network, endpoint) ?? createMac(),
        mtu: mtuOf(network) ?? mtu,
        peer: outside,
      },
      ...addressSteps(network, endpoint),
    ],
    after: [
      // Without IPv6 addresses on it the host does no router discovery on each.
      { kind: "no-own-addresses", link: outside },
      { kind: "join", link: outside, bridge: bridgeNameOf(config, network) ?? "" },
      // In hairpin mode a container reaches itself through its own published port. Isolated ports do not reach each other; where the
      // firewall sees what the bridge passes on it tells that from what came by a published port, which isolation would stop as well.
      { kind: "port", link: outside, hairpin: true, isolated: !isOn(network, optionNames.icc) && !isBridgeFiltered },
    ],
  };
}

/** A macvlan or ipvlan on its parent, made in the netns at once. */
function planVlan(network: Network, endpoint: EndpointRecord, { netnsPath }: LinkSurroundings): LinkPlan {
  const driver = network.driver === "macvlan" ? "macvlan" : "ipvlan";
  const isMacvlan = driver === "macvlan";
  const mode =
    network.options[isMacvlan ? optionNames.macvlanMode : optionNames.ipvlanMode] ?? (isMacvlan ? "bridge" : "l2");
  const add: LinkStep = {
    kind: "add-vlan",
    driver,
    mode,
    parent: parentOf(network) ?? "",
    link: endpoint.interface,
    mac: macOf(network, endpoint),
    mtu: mtuOf(network),
    netnsPath,
  };
  return { before: [add], inside: addressSteps(network, endpoint), after: [] };
}

function addressSteps(network: Network, endpoint: EndpointRecord): LinkStep[] {
  const link = endpoint.interface;
  const [subnet4, subnet6] = [subnetOf(network, 4), subnetOf(network, 6)];
  return [
    { kind: "no-own-addresses", link },
    { kind: "up", link },
    ...(endpoint.ipv4 === null || subnet4 === null ? [] : [addressStep4(link, endpoint.ipv4, subnet4.range)]),
    ...(endpoint.ipv6 === null || subnet6 === null
      ? []
      : [
          addressStep6(link, endpoint.ipv6, subnet6.range.prefixLength),
          addressStep6(link, linkAddressOf(macOf(network, endpoint)), 64),
        ]),
    ...(endpoint.settings.linkLocalIPs ?? []).map(
      (address): LinkStep =>
        address.includes(":")
          ? addressStep6(link, address, 64)
          : { kind: "address", link, address, prefixLength: 16, onLinkOnly: true },
    ),
  ];
}

function addressStep4(link: string, address: string, range: IPRange): LinkStep {
  return { kind: "address", link, address, prefixLength: range.prefixLength, broadcast: broadcastOf(range) };
}

function addressStep6(link: string, address: string, prefixLength: number): LinkStep {
  return { kind: "address", link, address, prefixLength, nodad: true };
}

/** The kernel's own would be tentative for a second (RFC 4291, appendix A). */
function linkAddressOf(mac: string | null): string {
  const bytes = (mac ?? createMac()).split(":").map((byte) => Number.parseInt(byte, 16));
  const [first = 0, ...rest] = bytes;
  const all = [first ^ 2, rest[0], rest[1], 0xff, 0xfe, ...rest.slice(2)];
  const hex = all.map((byte) => (byte ?? 0).toString(16).padStart(2, "0")).join("");
  return `fe80::${hex.match(/.{4}/g)?.join(":")}`;
}

/** On an ipvlan, where all have the parent's. */
function createMac(): string {
  return ["02", ...(randomBytes(5).toString("hex").match(/../g) ?? [])].join(":");
}

/** The endpoint that a family's default route goes through: the first whose network leads out. */
export function chooseGateway(
  endpoints: readonly EndpointRecord[],
  family: 4 | 6,
  networkOf: (endpoint: EndpointRecord) => Network | null,
): { readonly endpoint: EndpointRecord; readonly via: string | null } | null {
  for (const endpoint of endpoints) {
    const network = networkOf(endpoint);
    const subnet = network === null ? null : subnetOf(network, family);
    const hasAddress = (family === 4 ? endpoint.ipv4 : endpoint.ipv6) !== null;
    if (network === null || subnet === null || network.internal || !hasAddress) continue;
    // In the modes l3 and l3s the host routes by itself.
    const isRouted = network.driver === "ipvlan" && (network.options[optionNames.ipvlanMode] ?? "l2") !== "l2";
    if (isRouted) return { endpoint, via: null };
    if (subnet.gateway !== "") return { endpoint, via: subnet.gateway };
  }
  return null;
}

/** Inside, in place of whatever default routes there are. */
export function defaultRouteSteps(
  endpoints: readonly EndpointRecord[],
  networkOf: (endpoint: EndpointRecord) => Network | null,
): LinkStep[] {
  return ([4, 6] as const).flatMap((family): LinkStep[] => {
    const gateway = chooseGateway(endpoints, family, networkOf);
    if (gateway === null) return [];
    return [{ kind: "default-route", family, via: gateway.via, link: gateway.endpoint.interface }];
  });
}

function broadcastOf(range: IPRange): string {
  return formatAddress({ family: 4, value: range.base + rangeSize(range) - 1n });
}
