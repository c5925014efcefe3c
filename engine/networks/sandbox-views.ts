import type { EngineConfig } from "../config.ts";
import type { EndpointSettings } from "../protocol/create-request.ts";
import type { NetworkSummary } from "../protocol/networks.ts";
import type { PortBinding } from "../protocol/ports.ts";
import { chooseGateway, hostInterfaceOf, macOf } from "./links.ts";
import {
  bridgeNameOf,
  isOn,
  mtuOf,
  type NetworkRecord,
  optionNames,
  parentOf,
  resolvesNames,
  subnetOf,
} from "./network-record.ts";
import type { Endpoint, Network, Sandbox } from "./network-service.ts";
import { type ResolverView, resolverAddress } from "./resolver/resolver-protocol.ts";
import type { BridgeRules, PublishedPort } from "./ruleset.ts";
import type { EndpointRecord, SandboxRecord } from "./sandbox-table.ts";

/** What is made of records for others to read. */
export type NetworkFinder = (networkID: string) => NetworkRecord | null;

export function endpointOf(
  config: EngineConfig,
  network: NetworkRecord,
  { record, endpoint }: { readonly record: SandboxRecord; readonly endpoint: EndpointRecord },
): Endpoint {
  const [subnet4, subnet6] = [subnetOf(network, 4), subnetOf(network, 6)];
  return {
    endpointID: endpoint.endpointID,
    networkID: network.id,
    network: network.name,
    driver: network.driver,
    ipAddress: endpoint.ipv4,
    prefixLength: endpoint.ipv4 === null ? null : (subnet4?.range.prefixLength ?? null),
    gateway: endpoint.ipv4 === null ? null : subnet4?.gateway || null,
    ipv6Address: endpoint.ipv6,
    ipv6PrefixLength: endpoint.ipv6 === null ? null : (subnet6?.range.prefixLength ?? null),
    ipv6Gateway: endpoint.ipv6 === null ? null : subnet6?.gateway || null,
    macAddress: macOf(network, endpoint),
    interfaceName: endpoint.interface,
    hostInterfaceName: hostInterfaceOf(config, endpoint),
    dnsNames: resolvesNames(network) ? namesOf(record, endpoint) : [],
    settings: endpoint.settings,
  };
}

export type SandboxFinders = {
  readonly config: EngineConfig;
  readonly find: NetworkFinder;
  readonly pathOf: (token: string) => string;
  readonly sandboxes: (container: string) => SandboxRecord | null;
};

export function sandboxOf(record: SandboxRecord, { config, find, pathOf, sandboxes }: SandboxFinders): Sandbox {
  const joined = record.mode.startsWith("container:") ? record.mode.slice("container:".length) : null;
  const owner = joined === null ? record : sandboxes(joined);
  const endpoints = record.endpoints.flatMap((endpoint) => {
    const network = find(endpoint.networkID);
    return network === null ? [] : [endpointOf(config, network, { record, endpoint })];
  });
  const primary = primaryOf(record, find);
  return {
    // Empty where the one it shared is gone: null would be the host's.
    netnsPath: owner === null ? "" : owner.token === null ? null : pathOf(owner.token),
    mode: record.mode,
    endpoints,
    primary: endpoints.find(({ endpointID }) => endpointID === primary?.endpointID) ?? null,
    ports: record.ports,
    resolver: owner === null ? null : resolverOf(owner, find),
  };
}

/** `container:alias`, the container by its name, its id or the first digits of that. */
function linksOf({ links = [] }: EndpointSettings): { links?: Record<string, string> } {
  if (links.length === 0) return {};
  const pairs = links.map((link) => {
    const [target = "", alias = target] = link.replace(/^\//, "").split(":");
    return [alias.toLowerCase(), /^[0-9a-f]{64}$/.test(target) ? target.slice(0, 12) : target];
  });
  return { links: Object.fromEntries(pairs) };
}

/** By which others find it, as docker has them. */
function namesOf({ container, name, hostname }: SandboxRecord, { settings }: EndpointRecord): string[] {
  return [...new Set([name, ...settings.aliases, container.slice(0, 12), hostname])].filter((one) => one !== "");
}

/** The one that the default route goes through, or null. */
function primaryOf(record: SandboxRecord, find: NetworkFinder): EndpointRecord | null {
  const networkOf = ({ networkID }: EndpointRecord) => find(networkID);
  return (
    (chooseGateway(record.endpoints, 4, networkOf) ?? chooseGateway(record.endpoints, 6, networkOf))?.endpoint ?? null
  );
}

/** The endpoint of a family that published ports lead to, or null. */
export function publishedEndpoint(
  endpoints: readonly EndpointRecord[],
  family: 4 | 6,
  find: NetworkFinder,
): { readonly address: string; readonly network: NetworkRecord } | null {
  for (const endpoint of endpoints) {
    const network = find(endpoint.networkID);
    const address = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
    if (network?.driver === "bridge" && !network.internal && address !== null) return { address, network };
  }
  return null;
}

export function publishedPorts(record: SandboxRecord, find: NetworkFinder): PublishedPort[] {
  if (record.ports.length === 0) return [];
  const [on4, on6] = ([4, 6] as const).map((family) => publishedEndpoint(record.endpoints, family, find));
  return record.ports.flatMap((port: PortBinding) => {
    const target = (port.hostAddress.includes(":") ? on6 : on4)?.address;
    return target === undefined ? [] : [{ ...port, target }];
  });
}

/** What the resolver has to know, null where no network of the container resolves names. */
export function resolverViewOf(
  record: SandboxRecord,
  { netnsPath, find }: { readonly netnsPath: string; readonly find: NetworkFinder },
): ResolverView | null {
  const places = record.endpoints.flatMap((endpoint) => {
    const network = find(endpoint.networkID);
    return network === null ? [] : [{ endpoint, network }];
  });
  const named = places.filter(({ network }) => resolvesNames(network));
  if (named.length === 0) return null;
  return {
    container: record.container,
    netnsPath,
    endpoints: named.map(({ endpoint, network }) => ({
      networkID: network.id,
      network: network.name,
      ipv4: endpoint.ipv4,
      ipv6: endpoint.ipv6,
      names: namesOf(record, endpoint),
      ...linksOf(endpoint.settings),
    })),
    forwards: places.some(({ network }) => !network.internal),
    servers: [...record.dns],
  };
}

/** What a container's resolv.conf names, or null. */
function resolverOf(record: SandboxRecord, find: NetworkFinder): string | null {
  const isNamed = record.endpoints.some(({ networkID }) => {
    const network = find(networkID);
    return network !== null && resolvesNames(network);
  });
  return isNamed ? resolverAddress : null;
}

export function bridgeRulesOf(config: EngineConfig, network: Network): BridgeRules[] {
  const bridge = bridgeNameOf(config, network);
  if (bridge === null) return [];
  return [
    {
      bridge,
      subnet4: subnetOf(network, 4)?.range ?? null,
      subnet6: subnetOf(network, 6)?.range ?? null,
      internal: network.internal,
      icc: isOn(network, optionNames.icc),
      masquerade: isOn(network, optionNames.masquerade),
    },
  ];
}

/** One row of `network ls`. `records`: of all containers that run. */
export function summarizeNetwork(
  network: NetworkRecord,
  records: readonly SandboxRecord[],
  { config, mtu }: { readonly config: EngineConfig; readonly mtu: number },
): NetworkSummary {
  const { id, name, driver, createdAt, internal, enableIPv6, subnets, labels, options } = network;
  const interfaceName = bridgeNameOf(config, network) ?? parentOf(network);
  return {
    id,
    name,
    driver,
    createdAt,
    internal,
    enableIPv6,
    subnets: [...subnets],
    labels: { ...labels },
    options: { ...options },
    interfaceName,
    mtu: mtuOf(network) ?? (interfaceName === null ? null : mtu),
    containers: membersOf(network, records).map(({ record, endpoint }) => ({
      id: record.container,
      name: record.name,
      ipAddress: endpoint?.ipv4 ?? null,
      ipv6Address: endpoint?.ipv6 ?? null,
      macAddress: endpoint === null ? null : macOf(network, endpoint),
    })),
  };
}

type Member = { readonly record: SandboxRecord; readonly endpoint: EndpointRecord | null };

/** Containers that run on a network; of `host` and `none`, those in that mode. */
export function membersOf({ id, driver, name }: NetworkRecord, records: readonly SandboxRecord[]): Member[] {
  if (driver === "host" || driver === "null") {
    return records.filter(({ mode }) => mode === name).map((record) => ({ record, endpoint: null }));
  }
  return records.flatMap((record) => {
    const endpoint = record.endpoints.find(({ networkID }) => networkID === id);
    return endpoint === undefined ? [] : [{ record, endpoint }];
  });
}

/** docker's inspect JSON of a network (Engine API, Network). */
export function inspectNetwork(network: NetworkRecord, records: readonly SandboxRecord[]): Record<string, unknown> {
  const [subnet4, subnet6] = [subnetOf(network, 4), subnetOf(network, 6)];
  const withPrefix = (address: string | null, length: number | undefined) =>
    address === null ? "" : `${address}/${length}`;
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: "local",
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: "default",
      Options: network.name === "bridge" ? null : network.ipamOptions,
      Config: network.subnets.map(({ subnet, gateway, ipRange, auxiliaryAddresses }) => ({
        Subnet: subnet,
        ...(ipRange === "" ? {} : { IPRange: ipRange }),
        Gateway: gateway,
        ...(auxiliaryAddresses === undefined ? {} : { AuxiliaryAddresses: auxiliaryAddresses }),
      })),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      membersOf(network, records).map(({ record, endpoint }) => [
        record.container,
        {
          Name: record.name,
          EndpointID: endpoint?.endpointID ?? record.container,
          MacAddress: endpoint === null ? "" : (macOf(network, endpoint) ?? ""),
          IPv4Address: withPrefix(endpoint?.ipv4 ?? null, subnet4?.range.prefixLength),
          IPv6Address: withPrefix(endpoint?.ipv6 ?? null, subnet6?.range.prefixLength),
        },
      ]),
    ),
    Options: network.name === "bridge" ? defaultBridgeOptions(network) : { ...network.options },
    Labels: { ...network.labels },
  };
}

/** Programs tell docker's default bridge by the first of these. */
function defaultBridgeOptions(network: NetworkRecord): Record<string, string> {
  return {
    "com.docker.network.bridge.default_bridge": "true",
    [optionNames.icc]: "true",
    [optionNames.masquerade]: "true",
    [optionNames.hostBinding]: "0.0.0.0",
    ...network.options,
  };
}
