import * as z from "zod/mini";
import type { EngineConfig } from "../config.ts";
import { type IPRange, parseRange } from "../lib/ip-range.ts";
import type { Network } from "./network-service.ts";

const texts = z.record(z.string(), z.string());

/** `networks.detail`. */
export const networkDetail = z.object({
  subnets: z.array(
    z.object({
      subnet: z.string(),
      gateway: z.string(),
      ipRange: z.string(),
      auxiliaryAddresses: z.optional(texts),
    }),
  ),
  internal: z.boolean(),
  enableIPv6: z.boolean(),
  labels: texts,
  options: texts,
  /** Whether somebody chose a subnet: only then are static addresses sure to fit after it is made anew. */
  hasOwnSubnet: z._default(z.boolean(), false),
  attachable: z._default(z.boolean(), false),
  ipamOptions: z._default(z.nullable(texts), {}),
});
export type NetworkDetail = Readonly<z.infer<typeof networkDetail>>;

/** A row of `networks`. */
export type NetworkRecord = Network & {
  readonly hasOwnSubnet: boolean;
  readonly attachable: boolean;
  readonly ipamOptions: Readonly<Record<string, string>> | null;
};

const predefined = ["bridge", "host", "none"] as const;

/** Of the engine's own three. */
export function isPredefined({ name }: Pick<Network, "name">): boolean {
  return (predefined as readonly string[]).includes(name);
}

/** Containers on it find each other by name. docker's default bridge never did. */
export function resolvesNames(network: Pick<Network, "name">): boolean {
  return !isPredefined(network);
}

/** docker's names for options. */
export const optionNames = {
  mtu: "com.docker.network.driver.mtu",
  bridgeName: "com.docker.network.bridge.name",
  icc: "com.docker.network.bridge.enable_icc",
  masquerade: "com.docker.network.bridge.enable_ip_masquerade",
  hostBinding: "com.docker.network.bridge.host_binding_ipv4",
  interfacePrefix: "com.docker.network.container_iface_prefix",
  parent: "parent",
  macvlanMode: "macvlan_mode",
  ipvlanMode: "ipvlan_mode",
} as const;

/** The Linux bridge of a network, null for other drivers. */
export function bridgeNameOf(config: EngineConfig, network: Network): string | null {
  if (network.driver !== "bridge") return null;
  if (network.name === "bridge") return config.names.bridge;
  return network.options[optionNames.bridgeName] ?? defaultBridgeName(config, network.id);
}

/** As many digits of the id as an interface's name has room for (15 bytes, IFNAMSIZ). */
export function defaultBridgeName(config: EngineConfig, id: string): string {
  const prefix = config.instance === "" ? "gnet-" : `b${config.instance.slice(0, 6)}`;
  return `${prefix}${id.slice(0, 15 - prefix.length)}`;
}

/** The interface of the host that a macvlan or ipvlan hangs on, or null. */
export function parentOf(network: Network): string | null {
  if (network.driver !== "macvlan" && network.driver !== "ipvlan") return null;
  return network.options[optionNames.parent] ?? null;
}

export type RecordedSubnet = {
  readonly range: IPRange;
  readonly gateway: string;
  readonly ipRange: IPRange | null;
  /** Addresses that others have. */
  readonly reserved: readonly string[];
};

/** Of one family, or null. */
export function subnetOf(network: Pick<Network, "subnets">, family: 4 | 6): RecordedSubnet | null {
  for (const { subnet, gateway, ipRange, auxiliaryAddresses = {} } of network.subnets) {
    const range = parseRange(subnet);
    if (range?.family !== family) continue;
    const reserved = Object.values(auxiliaryAddresses);
    return { range, gateway, ipRange: ipRange === "" ? null : parseRange(ipRange), reserved };
  }
  return null;
}

export function isOn(network: Network, option: string, fallback = true): boolean {
  const text = network.options[option];
  return text === undefined ? fallback : /^(1|t|true)$/i.test(text);
}

/** What the network asks for, or null: the host's. */
export function mtuOf(network: Network): number | null {
  const text = network.options[optionNames.mtu];
  return text === undefined || Number(text) === 0 ? null : Number(text);
}
