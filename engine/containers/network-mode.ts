import type { EndpointRequest } from "../networks/network-service.ts";
import type { CreateRequest } from "../protocol/create-request.ts";

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
