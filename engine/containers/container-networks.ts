import { EngineError } from "../errors.ts";
import type { Endpoint, EndpointRequest, Network, Sandbox, SandboxRequest } from "../networks/network-service.ts";
import type { ContainerSummary } from "../protocol/containers.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import { adjustNameFiles } from "./container-name-files.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { CreateOptions } from "./container-service.ts";
import { isAlive } from "./container-status.ts";
import { endpointsOf, hasOwnNetworks, joinedContainerOf } from "./network-mode.ts";
import type { ContainerParts } from "./parts.ts";

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

/** Refuses, before a container is made, networks that are not there, unless they may come, and settings that they cannot fulfil. */
export function checkNetworks(
  parts: Pick<ContainerParts, "table" | "networks">,
  request: CreateRequest,
  { networksMayCome = false }: CreateOptions,
): void {
  const joined = joinedContainerOf(request);
  if (joined !== null) parts.table.get(joined);
  for (const endpoint of endpointsOf(request)) {
    if (networksMayCome && findNetwork(parts, endpoint.network) === null) continue;
    parts.networks.check(endpoint);
  }
}

/** Puts a container on one more network, now where it runs, and at each of its starts. Runs in its queue. */
export async function connectNetwork(
  parts: ContainerParts,
  record: ContainerRecord,
  { network: name, settings: asked }: EndpointRequest,
): Promise<void> {
  const { id, request, state } = record;
  const network = parts.networks.get(name);
  const isMain = request.network === "none" || request.network === network.name;
  const settings = isMain && request.macAddress !== undefined ? { macAddress: request.macAddress, ...asked } : asked;
  const isShared = request.network === "host" || joinedContainerOf(request) !== null;
  if (isShared || network.driver === "host" || network.driver === "null") {
    const what = isShared
      ? `with network ${request.network} cannot be connected to any other`
      : `cannot be connected to ${network.name}`;
    throw new EngineError("failed-precondition", `container ${record.name} ${what}`);
  }
  parts.networks.check({ network: network.id, settings });
  if (membershipsOf(parts, record).some(({ id: known }) => known === network.id)) {
    throw new EngineError("already-exists", `container ${record.name} is on network ${network.name} already`, {
      hint: `disconnect it first with: gantry network disconnect ${network.name} ${record.name}`,
    });
  }
  if (isAlive(state.status)) {
    await whileAdjusting(parts, record, () =>
      parts.networks.attach(id, { network: network.id, settings }).then(() => {}),
    );
  }
  const endpoints = { ...request.endpoints, [network.name]: settings };
  const mode = request.network === "none" ? network.name : request.network;
  parts.table.updateRequest(id, { ...request, network: mode, endpoints });
}

/** The reverse. force: what cannot be taken away now is put right by the next start. Runs in its queue. */
export async function disconnectNetwork(
  parts: ContainerParts,
  record: ContainerRecord,
  { network: name, force }: { readonly network: string; readonly force: boolean },
): Promise<void> {
  const { id, request, state } = record;
  const network = parts.networks.get(name);
  const isRunning = isAlive(state.status) && isOn(parts.networks.find(id), network.id);
  const isAsked = membershipsOf(parts, record).some(({ id: known }) => known === network.id);
  if (!isRunning && !isAsked) {
    throw new EngineError(
      "failed-precondition",
      `container ${record.name} is not connected to network ${network.name}`,
    );
  }
  if (isRunning) {
    const detach = () => parts.networks.detach(id, network.id, { force });
    await whileAdjusting(parts, record, detach);
  }
  const remaining = endpointsOf(request).filter((endpoint) => idOf(parts, endpoint.network) !== network.id);
  parts.table.updateRequest(id, {
    ...request,
    network: remaining[0]?.network ?? "none",
    endpoints: Object.fromEntries(remaining.map((endpoint) => [endpoint.network, endpoint.settings])),
  });
}

/** Networks that a container's request names and that are there. */
function membershipsOf(parts: Pick<ContainerParts, "networks">, { request }: ContainerRecord): Network[] {
  return endpointsOf(request).flatMap(({ network }) => findNetwork(parts, network) ?? []);
}

function findNetwork(parts: Pick<ContainerParts, "networks">, network: string): Network | null {
  try {
    return parts.networks.get(network);
  } catch {
    return null;
  }
}

function idOf(parts: Pick<ContainerParts, "networks">, network: string): string | null {
  return findNetwork(parts, network)?.id ?? null;
}

function isOn(sandbox: Sandbox | null, networkID: string): boolean {
  return sandbox?.endpoints.some((endpoint) => endpoint.networkID === networkID) ?? false;
}

/** Its hosts file and resolv.conf follow. */
async function whileAdjusting(
  parts: ContainerParts,
  record: ContainerRecord,
  work: () => Promise<void>,
): Promise<void> {
  const before = parts.networks.find(record.id);
  await work();
  const after = parts.networks.find(record.id);
  parts.table.touch(record.id);
  if (before !== null && after !== null) await adjustNameFiles(parts, record, { before, after });
}

/** Whether a container that does not run names this network. */
export function isNamedByAny(parts: Pick<ContainerParts, "table" | "networks">, networkID: string): boolean {
  return parts.table
    .all()
    .some((record) => endpointsOf(record.request).some(({ network }) => idOf(parts, network) === networkID));
}

/** A container's places, without addresses while it does not run. */
export function summarizeEndpoints(
  parts: Pick<ContainerParts, "networks">,
  { request }: ContainerRecord,
  sandbox: Sandbox | null,
): ContainerSummary["endpoints"] {
  if (sandbox !== null) return sandbox.endpoints.map(summarizeEndpoint);
  return endpointsOf(request).map(({ network, settings }) => ({
    networkID: idOf(parts, network) ?? "",
    network: findNetwork(parts, network)?.name ?? network,
    ipAddress: null,
    ipv6Address: null,
    macAddress: null,
    aliases: [...settings.aliases],
  }));
}

function summarizeEndpoint(endpoint: Endpoint): ContainerSummary["endpoints"][number] {
  return {
    networkID: endpoint.networkID,
    network: endpoint.network,
    ipAddress: endpoint.ipAddress,
    ipv6Address: endpoint.ipv6Address,
    macAddress: endpoint.macAddress,
    aliases: [...endpoint.settings.aliases],
  };
}
