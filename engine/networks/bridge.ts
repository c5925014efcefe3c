import { readFile, writeFile } from "node:fs/promises";
import type { EngineConfig } from "../config.ts";
import { EngineError, messageOf } from "../errors.ts";
import { defaultMTU, type HostLink, type HostRoute, listLinks, listRoutes, runIP } from "../host/network-tools.ts";
import { overlaps, parseSubnet, type Subnet } from "../lib/ipv4.ts";
import { type BridgeSubnet, bridgeSubnetOf, chooseSubnet, macAddressOf } from "./subnet.ts";

/** What the host's network looks like at one moment. */
export type HostNetwork = {
  readonly links: readonly HostLink[];
  readonly routes: readonly HostRoute[];
  readonly mtu: number;
};

export async function readHostNetwork(): Promise<HostNetwork> {
  const [links, routes] = await Promise.all([listLinks(), listRoutes()]);
  return { links, routes, mtu: defaultMTU(links, routes) };
}

/** What a bridge's subnet must keep off: addresses and routes of every other interface. */
function takenSubnets(config: EngineConfig, host: HostNetwork): Subnet[] {
  const others = host.links.filter(({ name }) => name !== config.names.bridge);
  const addresses = others.flatMap((link) => link.addresses.map(parseSubnet));
  const routes = host.routes
    .filter(({ device }) => device !== config.names.bridge)
    .map(({ destination }) => destination);
  return [...addresses, ...routes].filter((subnet) => subnet !== null);
}

/**
 * The subnet this engine has had so far, unless its bridge is gone and something else has taken the addresses meanwhile; else a new
 * one. Fails with `resource-exhausted` when all candidates clash.
 */
export function settleSubnet(config: EngineConfig, host: HostNetwork, saved: Subnet | null): BridgeSubnet {
  const taken = takenSubnets(config, host);
  const bridge = host.links.find(({ name }) => name === config.names.bridge);
  const isSettled = saved !== null && (bridge !== undefined || !taken.some((other) => overlaps(saved, other)));
  const subnet = isSettled ? saved : chooseSubnet(taken, config.instance);
  if (subnet !== null) return bridgeSubnetOf(subnet);
  throw new EngineError(
    "resource-exhausted",
    "no subnet is free for the bridge: routes of this host cover all candidates",
    {
      hint: "`ip route show table all` shows them; a VPN that routes all private addresses can be the cause",
    },
  );
}

/** Makes the bridge, or puts right the one that is there. */
export async function ensureBridge(config: EngineConfig, host: HostNetwork, subnet: BridgeSubnet): Promise<void> {
  const { bridge } = config.names;
  const present = host.links.find(({ name }) => name === bridge);
  const address = `${subnet.gateway}/${subnet.prefixLength}`;
  const wrong = (present?.addresses ?? []).filter((other) => other !== address);
  await runIP([
    ...(present === undefined ? [`link add name ${bridge} address ${macAddressOf(subnet.gateway)} type bridge`] : []),
    `link set dev ${bridge} addrgenmode none`,
    ...wrong.map((other) => `addr del ${other} dev ${bridge}`),
    ...(present?.addresses.includes(address) ? [] : [`addr add ${address} dev ${bridge}`]),
    `link set dev ${bridge} mtu ${host.mtu} up`,
  ]);
}

/**
 * Turns the host into a router, as every engine with a bridge must, and lets packets from 127.0.0.0/8 leave through the bridge, for
 * ports published on loopback. Only after the ruleset that drops what comes from outside to 127.0.0.0/8 is in force.
 */
export async function ensureForwarding(config: EngineConfig): Promise<void> {
  await writeSysctl("net/ipv4/ip_forward", "1");
  await writeSysctl(`net/ipv4/conf/${config.names.bridge}/route_localnet`, "1");
}

async function writeSysctl(name: string, value: string): Promise<void> {
  const path = `/proc/sys/${name}`;
  try {
    if ((await readFile(path, "utf8")).trim() !== value) await writeFile(path, value);
  } catch (error) {
    throw new EngineError("failed-precondition", `set ${name.replaceAll("/", ".")} to ${value}: ${messageOf(error)}`, {
      cause: error,
      hint: "/proc/sys must be writable for the engine",
    });
  }
}
