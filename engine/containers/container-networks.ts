import { EngineError } from "../errors.ts";
import type { Endpoint, EndpointRequest, SandboxRequest } from "../networks/network-service.ts";
import type { ContainerSummary } from "../protocol/containers.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";

const containerPrefix = "container:";

/** docker's NetworkMode without its synonyms. */
export function networkModeOf(request: Pick<CreateRequest, "network">): string {
  return request.network === "" || request.network === "default" ? "bridge" : request.network;
}

/** What the container whose network this one shares is called, or null. */
export function joinedContainerOf(request: Pick<CreateRequest, "network">): string | null {
  return request.network.startsWith(containerPrefix) ? request.network.slice(containerPrefix.length) : null;
}

/** False for `host`, `none` and `container:…`: such a container has no place on any network. */
export function hasOwnNetworks(request: Pick<CreateRequest, "network">): boolean {
  return joinedContainerOf(request) === null && request.network !== "host" && request.network !== "none";
}

/** Networks that a container joins at its start, the one of its default route first. */
export function endpointsOf(request: Pick<CreateRequest, "network" | "endpoints">): EndpointRequest[] {
  if (!hasOwnNetworks(request)) return [];
  const first = networkModeOf(request);
  const nothing = { aliases: [] };
  const others = Object.entries(request.endpoints).filter(([network]) => network !== first && network !== "default");
  return [
    { network: first, settings: request.endpoints[first] ?? request.endpoints.default ?? nothing },
    ...others.map(([network, settings]) => ({ network, settings })),
  ];
}

/** What a start asks of the networks. Fails with `failed-precondition` where the container to join does not run. */
export function sandboxRequestOf(
  parts: Pick<ContainerParts, "table">,
  { id, name, request, resolution }: ContainerRecord,
): SandboxRequest {
  const common = { container: id, containerName: name, hostname: resolution.hostname, dns: request.dns };
  const joined = joinedContainerOf(request);
  if (joined !== null) return { ...common, mode: `container:${getJoined(parts, joined).id}`, endpoints: [], ports: [] };
  if (!hasOwnNetworks(request)) return { ...common, mode: request.network, endpoints: [], ports: [] };
  return { ...common, mode: "networks", endpoints: endpointsOf(request), ports: resolution.ports };
}

/** The running container whose network another one shares. */
export function getJoined(parts: Pick<ContainerParts, "table">, container: string): ContainerRecord {
  const record = parts.table.get(container);
  if (isAlive(record.state.status)) return record;
  throw new EngineError("failed-precondition", `cannot join network of a non running container: ${record.name}`, {
    hint: `start it first with: gantry start ${record.name}`,
    exitCode: 125,
  });
}

export function summarizeEndpoint(endpoint: Endpoint): ContainerSummary["endpoints"][number] {
  return {
    networkID: endpoint.networkID,
    network: endpoint.network,
    ipAddress: endpoint.ipAddress,
    ipv6Address: endpoint.ipv6Address,
    macAddress: endpoint.macAddress,
    aliases: [...endpoint.settings.aliases],
  };
}
