import { existsSync, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import type { EngineConfig } from "../config.ts";
import { EngineError, messageOf } from "../errors.ts";
import {
  defaultMTU,
  type HostLink,
  type HostRoute,
  listDefaultDevices6,
  listLinks,
  listRoutes,
  listRoutes6,
  runIP,
} from "../host/network-tools.ts";
import { type IPRange, parseRange, rangesOverlap } from "../lib/ip-range.ts";
import { formatSubnet } from "../lib/ipv4.ts";
import { bridgeNameOf, mtuOf, parentOf, subnetOf } from "./network-record.ts";
import type { Network } from "./network-service.ts";
import { type AddressPool, chooseSubnet, macAddressOf } from "./subnet.ts";

/** What the host's network looks like at one moment. */
export type HostNetwork = {
  readonly links: readonly HostLink[];
  readonly routes: readonly HostRoute[];
  readonly mtu: number;
};

export type TakenRange = { readonly range: IPRange; readonly device: string };

export async function readHostNetwork(): Promise<HostNetwork> {
  const [links, routes] = await Promise.all([listLinks(), listRoutes()]);
  return { links, routes, mtu: defaultMTU(links, routes) };
}

/** What subnets must keep off: addresses and routes of interfaces that are not `ours`. */
export function takenRanges(host: HostNetwork, ours: ReadonlySet<string>): TakenRange[] {
  const found = [
    ...host.links.flatMap(({ name, addresses, addresses6 }) =>
      [...addresses, ...addresses6].map((text) => ({ text, device: name })),
    ),
    ...host.routes.flatMap(({ destination, device }) =>
      destination === null ? [] : [{ text: formatSubnet(destination), device: device ?? "a route" }],
    ),
  ];
  return toRanges(found, ours);
}

/** Of IPv6, whose routes are asked for only where they matter. */
export async function takenRanges6(ours: ReadonlySet<string>): Promise<TakenRange[]> {
  const routes = await listRoutes6();
  return toRanges(
    routes.map(({ destination, device }) => ({ text: destination, device })),
    ours,
  );
}

function toRanges(found: readonly { text: string; device: string }[], ours: ReadonlySet<string>): TakenRange[] {
  return found.flatMap(({ text, device }) => {
    const range = ours.has(device) ? null : parseRange(text);
    return range === null ? [] : [{ range, device }];
  });
}

/**
 * The subnet the default bridge has had so far, unless its bridge is gone and something else has taken the addresses meanwhile; else a
 * new one. Fails with `resource-exhausted` when all candidates clash.
 */
export function settleSubnet(
  config: EngineConfig,
  saved: IPRange | null,
  around: { readonly taken: readonly IPRange[]; readonly isThere: boolean; readonly pools?: readonly AddressPool[] },
): IPRange {
  const isSettled = saved !== null && (around.isThere || !around.taken.some((other) => rangesOverlap(saved, other)));
  const subnet = isSettled ? saved : chooseSubnet(around.taken, config.instance, around.pools);
  if (subnet !== null) return subnet;
  throw new EngineError(
    "resource-exhausted",
    "no subnet is free for the bridge: routes of this host cover all candidates",
    {
      hint: "`ip route show table all` shows them; a VPN that routes all private addresses can be the cause",
    },
  );
}

/** Lines of ip(8) that make a network's interface on the host, or put right the one that is there. */
export function interfaceLines(config: EngineConfig, network: Network, host: HostNetwork): string[] {
  return network.driver === "bridge" ? bridgeLines(config, network, host) : parentLines(config, network, host);
}

function bridgeLines(config: EngineConfig, network: Network, host: HostNetwork): string[] {
  const bridge = bridgeNameOf(config, network) ?? "";
  const present = host.links.find(({ name }) => name === bridge);
  const wanted = ([4, 6] as const).flatMap((family) => {
    const subnet = subnetOf(network, family);
    return subnet === null ? [] : [`${subnet.gateway}/${subnet.range.prefixLength}`];
  });
  const has = [...(present?.addresses ?? []), ...(present?.addresses6 ?? [])];
  const [first = network.id] = wanted;
  return [
    ...(present === undefined
      ? [`link add name ${bridge} address ${macAddressOf(first.split("/")[0] ?? "")} type bridge`]
      : []),
    // By this, what removes all of this engine without its database finds it.
    ...(present?.alias === config.names.table ? [] : [`link set dev ${bridge} alias ${config.names.table}`]),
    `link set dev ${bridge} addrgenmode none`,
    // Neighbours are asked for from this one, which must not be tentative when the first packet comes.
    ...(network.enableIPv6 ? [`addr replace fe80::1/64 dev ${bridge} nodad`] : []),
    ...has.filter((address) => !wanted.includes(address)).map((address) => `addr del ${address} dev ${bridge}`),
    ...wanted.filter((address) => !has.includes(address)).map((address) => addAddress(address, bridge)),
    `link set dev ${bridge} mtu ${mtuOf(network) ?? host.mtu} up`,
  ];
}

function addAddress(address: string, device: string): string {
  return `addr add ${address} dev ${device}${address.includes(":") ? " nodad" : ""}`;
}

/** `eth0.10` is made where it lacks: VLAN 10 of eth0. */
function parentLines(config: EngineConfig, network: Network, host: HostNetwork): string[] {
  const parent = parentOf(network);
  if (parent === null || host.links.some(({ name }) => name === parent)) return [];
  const match = /^(.+)\.(\d{1,4})$/.exec(parent);
  if (match === null || !host.links.some(({ name }) => name === match[1])) return [];
  return [
    `link add link ${match[1]} name ${parent} type vlan id ${match[2]}`,
    `link set dev ${parent} alias ${config.names.table} up`,
  ];
}

/** Makes the interfaces of these networks, or puts them right, in one process. */
export async function ensureInterfaces(
  config: EngineConfig,
  networks: readonly Network[],
  host: HostNetwork,
): Promise<void> {
  const bridges = networks.filter(({ driver }) => driver === "bridge");
  const lines = networks.flatMap((network) => interfaceLines(config, network, host));
  if (lines.length === 0) return;
  await runIP(lines);
  for (const network of bridges) await hardenBridge(bridgeNameOf(config, network) ?? "", network.enableIPv6);
}

/** A container must not become the host's router by an advertisement of its own (CVE-2020-13401). */
async function hardenBridge(bridge: string, hasIPv6: boolean): Promise<void> {
  const path = `net/ipv6/conf/${bridge}`;
  if ((await readSysctl(`${path}/accept_ra`)) === null) return;
  await writeSysctl(`${path}/accept_ra`, "0");
  if (!hasIPv6) await writeSysctl(`${path}/disable_ipv6`, "1");
}

/**
 * Turns the host into a router, as every engine with a bridge must, and lets packets from 127.0.0.0/8 leave through the bridges, for
 * ports published on loopback. Only after the ruleset that drops what comes from outside to 127.0.0.0/8 is in force.
 */
export async function ensureForwarding(config: EngineConfig, networks: readonly Network[]): Promise<void> {
  await writeSysctl("net/ipv4/ip_forward", "1");
  for (const network of networks) {
    const bridge = bridgeNameOf(config, network);
    // One that somebody took away just now is looked after by whoever makes it anew.
    if (bridge === null || !isBridgeThere(bridge)) continue;
    await writeSysctl(`net/ipv4/conf/${bridge}/route_localnet`, "1");
  }
  if (networks.some(({ enableIPv6 }) => enableIPv6)) await ensureForwarding6();
}

/** A router does not take advertisements itself, unless told so: a host that got its own way out by one must keep it. */
async function ensureForwarding6(): Promise<void> {
  if ((await readSysctl("net/ipv6/conf/all/forwarding")) !== "0") return;
  for (const device of await listDefaultDevices6()) {
    const path = `net/ipv6/conf/${device}/accept_ra`;
    if ((await readSysctl(path)) === "1") await writeSysctl(path, "2");
  }
  await writeSysctl("net/ipv6/conf/all/forwarding", "1");
}

/** Read of our own namespace: the host's sysfs may be that of another. Null, for a network without a bridge, is there. */
export function isBridgeThere(bridge: string | null): boolean {
  return bridge === null || existsSync(`/proc/sys/net/ipv4/conf/${bridge}`);
}

/** Where only one family is filtered, none counts as filtered. */
export function isBridgeFiltered(): boolean {
  return ["iptables", "ip6tables"].every((name) => {
    try {
      return readFileSync(`/proc/sys/net/bridge/bridge-nf-call-${name}`, "latin1").trim() === "1";
    } catch {
      return false;
    }
  });
}

async function readSysctl(name: string): Promise<string | null> {
  const text = await readFile(`/proc/sys/${name}`, "utf8").catch(() => null);
  return text?.trim() ?? null;
}

async function writeSysctl(name: string, value: string): Promise<void> {
  try {
    if ((await readSysctl(name)) !== value) await writeFile(`/proc/sys/${name}`, value);
  } catch (error) {
    throw new EngineError("failed-precondition", `set ${name.replaceAll("/", ".")} to ${value}: ${messageOf(error)}`, {
      cause: error,
      hint: "/proc/sys must be writable for the engine",
    });
  }
}
