import { formatRange, type IPRange } from "../lib/ip-range.ts";
import type { PortBinding } from "../protocol/ports.ts";
import { anyAddress, anyAddress6 } from "./sandbox-table.ts";

/** A published port and the container's address it leads to, of the host address's family. */
export type PublishedPort = PortBinding & { readonly target: string };

/** One bridge, as rules see it. */
export type BridgeRules = {
  readonly bridge: string;
  readonly subnet4: IPRange | null;
  readonly subnet6: IPRange | null;
  /** No way out and none in. */
  readonly internal: boolean;
  /** False: its containers reach each other by published ports only. */
  readonly icc: boolean;
  readonly masquerade: boolean;
};

export type RulesetInput = {
  readonly table: string;
  readonly bridges: readonly BridgeRules[];
  readonly ports: readonly PublishedPort[];
};

/**
 * The whole table as an nft script that replaces what was there in one transaction (nft(8)); connections under way go on, as
 * conntrack holds them. Publishing a port later is one element added to a map, see formatElements.
 *
 * - `raw-prerouting` keeps others, containers of other networks among them, from reaching containers past their published ports by routing
 *   to a bridge's subnet, and keeps 127.0.0.0/8 the host's own although `route_localnet` is set on the bridges (CVE-2020-8558).
 * - `publish` is looked up for what arrives and for what the host's own programs send; a binding to one address wins. What is for ::1 the
 *   kernel leads nowhere else: it is refused at once, so that programs go on to 127.0.0.1.
 * - `nat-postrouting`: from the host's loopback the source must become one that a container can answer; a container that reaches
 *   another, or itself, through a published port must get its answers from the host; everything that leaves is masqueraded.
 * - `input`: whoever is on an internal network reaches no service of the host either; the host reaches him.
 */
export function formatRuleset(input: RulesetInput): string {
  const { table, bridges } = input;
  const internal = bridges.filter((one) => one.internal);
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  ${formatNames("bridges", bridges)}
  ${formatNames("internal", internal)}
  map published_any {
    type inet_proto . inet_service : ipv4_addr . inet_service;
  }
  map published_at {
    type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service;
  }
  map published_any6 {
    type inet_proto . inet_service : ipv6_addr . inet_service;
  }
  map published_at6 {
    type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service;
  }
  chain raw-prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
${lines(bridges, rawRules)}  }
  chain publish {
    dnat ip addr . port to meta l4proto . ip daddr . th dport map @published_at
    dnat ip addr . port to meta l4proto . th dport map @published_any
    ip6 daddr ::1 return
    dnat ip6 addr . port to meta l4proto . ip6 daddr . th dport map @published_at6
    dnat ip6 addr . port to meta l4proto . th dport map @published_any6
  }
  chain nat-prerouting {
    type nat hook prerouting priority -100; policy accept;
    fib daddr type local jump publish
  }
  chain nat-output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump publish
  }
  chain nat-postrouting {
    type nat hook postrouting priority 100; policy accept;
    oifname @bridges ip saddr 127.0.0.0/8 masquerade
${lines(bridges, masqueradeRules)}  }
  chain forward {
    type filter hook forward priority 0; policy accept;
${lines(internal, internalRules)}    oifname @bridges ct state established,related accept
    oifname @bridges ct status dnat accept
${lines(bridges, ownRules)}    oifname @bridges drop
  }
  chain input {
    type filter hook input priority 0; policy accept;
    iifname @internal ct state new drop
  }
}
${formatElements(table, "add", input.ports)}`;
}

function formatNames(set: string, bridges: readonly BridgeRules[]): string {
  const names = bridges.map(({ bridge }) => `"${bridge}"`);
  const elements = names.length === 0 ? "" : ` elements = { ${names.join(", ")} };`;
  return `set ${set} { type ifname;${elements} }`;
}

function lines(bridges: readonly BridgeRules[], rulesOf: (one: BridgeRules) => readonly string[]): string {
  return bridges.flatMap((one) => rulesOf(one).map((rule) => `    ${rule}\n`)).join("");
}

/** What is not masqueraded is routed: its answers come to the container's own address, and pass `forward` or do not. */
function rawRules({ bridge, masquerade, internal, ...subnets }: BridgeRules): string[] {
  if (!masquerade && !internal) return [];
  return families(subnets).map(([family, subnet]) => `iifname != { "lo", "${bridge}" } ${family} daddr ${subnet} drop`);
}

function masqueradeRules({ bridge, masquerade, internal, ...subnets }: BridgeRules): string[] {
  if (internal) return [];
  return families(subnets).flatMap(([family, subnet]) => [
    `oifname "${bridge}" ${family} saddr ${subnet} ct status dnat masquerade`,
    ...(masquerade ? [`oifname != "${bridge}" ${family} saddr ${subnet} masquerade`] : []),
  ]);
}

function internalRules({ bridge }: BridgeRules): string[] {
  return [`iifname "${bridge}" oifname != "${bridge}" drop`, `iifname != "${bridge}" oifname "${bridge}" drop`];
}

/** A bridge does not ask for its own ports' traffic, but where br_netfilter is loaded, and for what was sent to the bridge itself. */
function ownRules({ bridge, icc }: BridgeRules): string[] {
  return icc ? [`iifname "${bridge}" oifname "${bridge}" accept`] : [];
}

function families(subnets: Pick<BridgeRules, "subnet4" | "subnet6">): [family: "ip" | "ip6", subnet: string][] {
  return [
    ...(subnets.subnet4 === null ? [] : [["ip", formatRange(subnets.subnet4)] as ["ip", string]]),
    ...(subnets.subnet6 === null ? [] : [["ip6", formatRange(subnets.subnet6)] as ["ip6", string]]),
  ];
}

/** Script that adds or deletes the map elements of published ports; empty for none. */
export function formatElements(table: string, action: "add" | "delete", ports: readonly PublishedPort[]): string {
  const elements = ports.map((port) => {
    const { hostAddress, protocol, hostPort } = port;
    const value = action === "add" ? ` : ${port.target} . ${port.containerPort}` : "";
    const suffix = hostAddress.includes(":") ? "6" : "";
    const isAny = hostAddress === anyAddress || hostAddress === anyAddress6;
    const key = isAny ? `${protocol} . ${hostPort}` : `${protocol} . ${hostAddress} . ${hostPort}`;
    return `${action} element inet ${table} published_${isAny ? "any" : "at"}${suffix} { ${key}${value} }`;
  });
  return elements.map((line) => `${line}\n`).join("");
}
