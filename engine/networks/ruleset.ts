import { formatSubnet } from "../lib/ipv4.ts";
import type { PortBinding } from "../protocol/ports.ts";
import type { BridgeSubnet } from "./subnet.ts";

/** A published port and the container's address it leads to. */
export type PublishedPort = PortBinding & { readonly ipAddress: string };

export type RulesetInput = {
  readonly table: string;
  readonly bridge: string;
  readonly subnet: BridgeSubnet;
  readonly ports: readonly PublishedPort[];
};

export const anyAddress = "0.0.0.0";

/**
 * The whole table as an nft script that replaces what was there in one transaction (nft(8)); connections under way go on, as
 * conntrack holds them. Publishing a port later is one element added to a map, see formatElements.
 *
 * - `raw-prerouting` keeps others from reaching containers past their published ports by routing to the bridge's subnet, and keeps
 *   127.0.0.0/8 the host's own although `route_localnet` is set on the bridge (CVE-2020-8558).
 * - `publish` is looked up for what arrives and for what the host's own programs send; a binding to one address wins.
 * - `nat-postrouting`: from the host's loopback the source must become one that a container can answer; a container that reaches
 *   another, or itself, through a published port must get its answers from the host; everything that leaves is masqueraded.
 */
export function formatRuleset(input: RulesetInput): string {
  const { table, bridge } = input;
  const subnet = formatSubnet(input.subnet.subnet);
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  map published_any {
    type inet_proto . inet_service : ipv4_addr . inet_service;
  }
  map published_at {
    type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service;
  }
  chain raw-prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
    iifname != { "lo", "${bridge}" } ip daddr ${subnet} drop
  }
  chain publish {
    dnat ip addr . port to meta l4proto . ip daddr . th dport map @published_at
    dnat ip addr . port to meta l4proto . th dport map @published_any
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
    oifname "${bridge}" ip saddr 127.0.0.0/8 masquerade
    oifname "${bridge}" ip saddr ${subnet} ct status dnat masquerade
    oifname != "${bridge}" ip saddr ${subnet} masquerade
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname "${bridge}" accept
    oifname "${bridge}" ct state established,related accept
    oifname "${bridge}" ct status dnat accept
    oifname "${bridge}" drop
  }
}
${formatElements(table, "add", input.ports)}`;
}

/** Script that adds or deletes the map elements of published ports; empty for none. */
export function formatElements(table: string, action: "add" | "delete", ports: readonly PublishedPort[]): string {
  const lines = ports.map((port) => {
    const target = action === "add" ? ` : ${port.ipAddress} . ${port.containerPort}` : "";
    return port.hostAddress === anyAddress
      ? `${action} element inet ${table} published_any { ${port.protocol} . ${port.hostPort}${target} }`
      : `${action} element inet ${table} published_at { ${port.protocol} . ${port.hostAddress} . ${port.hostPort}${target} }`;
  });
  return lines.map((line) => `${line}\n`).join("");
}
