import type { Endpoint, NetworkService, Sandbox } from "../networks/network-service.ts";
import type { EndpointSettings } from "../protocol/create-request.ts";
import type { PortBinding } from "../protocol/ports.ts";
import type { ContainerRecord } from "./container-record.ts";
import { groupPorts } from "./inspect-host-config.ts";
import { endpointsOf } from "./network-mode.ts";

type Facts = { readonly sandbox: Sandbox | null; readonly networks: Pick<NetworkService, "get"> };

/** docker's NetworkSettings. While the container does not run, its networks without addresses. */
export function inspectNetworks(record: ContainerRecord, { sandbox, networks }: Facts) {
  const published = (sandbox?.ports ?? []).map((port: PortBinding) => ({ ...port, hostPort: String(port.hostPort) }));
  // A port that is exposed alone has no binding.
  const exposed = sandbox === null ? [] : record.resolution.exposedPorts;
  const legacy = addressesOf(sandbox?.endpoints.find(({ network }) => network === "bridge") ?? null);
  return {
    Bridge: "",
    SandboxID: sandbox === null ? "" : record.id,
    SandboxKey: sandbox?.netnsPath ?? "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    Ports: { ...Object.fromEntries(exposed.map((port) => [port, null])), ...groupPorts(published) },
    // docker tells of its default bridge here, and of no other network.
    ...legacy,
    Networks: Object.fromEntries(placesOf(record, { sandbox, networks })),
  };
}

function placesOf({ request }: ContainerRecord, { sandbox, networks }: Facts): [name: string, place: object][] {
  if (sandbox !== null && sandbox.endpoints.length > 0) {
    return sandbox.endpoints.map((endpoint) => [
      endpoint.network,
      inspectPlace(endpoint.settings, { id: endpoint.networkID, endpoint }),
    ]);
  }
  const asked = endpointsOf(request);
  if (asked.length > 0) {
    return asked.map(({ network, settings }) => {
      const known = find(networks, network);
      return [known?.name ?? network, inspectPlace(settings, { id: known?.id ?? "", endpoint: null })];
    });
  }
  // One that shares another's network is on none.
  const own = find(networks, request.network);
  return own === null ? [] : [[own.name, inspectPlace({ aliases: [] }, { id: own.id, endpoint: null })]];
}

function inspectPlace(
  settings: EndpointSettings,
  { id, endpoint }: { readonly id: string; readonly endpoint: Endpoint | null },
) {
  const { aliases, links = [], linkLocalIPs = [], ipv4Address, ipv6Address, macAddress = "" } = settings;
  const asked = {
    ...(ipv4Address ? { IPv4Address: ipv4Address } : {}),
    ...(ipv6Address ? { IPv6Address: ipv6Address } : {}),
    ...(linkLocalIPs.length === 0 ? {} : { LinkLocalIPs: [...linkLocalIPs] }),
  };
  const dnsNames = endpoint?.dnsNames ?? [];
  return {
    IPAMConfig: Object.keys(asked).length === 0 ? null : asked,
    Links: links.length === 0 ? null : [...links],
    Aliases: aliases.length === 0 ? null : [...aliases],
    DriverOpts: null,
    GwPriority: 0,
    DNSNames: dnsNames.length === 0 ? null : [...dnsNames],
    NetworkID: id,
    ...addressesOf(endpoint),
    ...(endpoint === null ? { MacAddress: macAddress } : {}),
  };
}

function addressesOf(endpoint: Endpoint | null) {
  return {
    Gateway: endpoint?.gateway ?? "",
    IPAddress: endpoint?.ipAddress ?? "",
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6Gateway ?? "",
    GlobalIPv6Address: endpoint?.ipv6Address ?? "",
    GlobalIPv6PrefixLen: endpoint?.ipv6PrefixLength ?? 0,
    MacAddress: endpoint?.macAddress ?? "",
    EndpointID: endpoint?.endpointID ?? "",
  };
}

function find(networks: Facts["networks"], network: string) {
  try {
    return networks.get(network);
  } catch {
    return null;
  }
}
