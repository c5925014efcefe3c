import type { CreateRequest } from "../protocol/create-request.ts";
import type { ContainerParts } from "./parts.ts";

const containerPrefix = "container:";
type Modes = Pick<CreateRequest, "network" | "ipcMode" | "pidMode">;

/** Others whose namespaces this one shares, by the words of its request. */
export function joinedContainersOf({ network, ipcMode, pidMode }: Modes): string[] {
  const modes = [network, ipcMode, pidMode].filter((mode) => mode.startsWith(containerPrefix));
  return [...new Set(modes.map((mode) => mode.slice(containerPrefix.length)))];
}

/**
 * The same request with ids in place of names, as docker keeps it: a name may be another container's by the next start. Fails with
 * `not-found`.
 */
export function pinJoined(parts: Pick<ContainerParts, "table">, request: CreateRequest): CreateRequest {
  if (joinedContainersOf(request).length === 0) return request;
  const pin = (mode: string) => {
    const name = mode.startsWith(containerPrefix) ? mode.slice(containerPrefix.length) : "";
    return name === "" ? mode : `${containerPrefix}${parts.table.get(name).id}`;
  };
  const { network, ipcMode, pidMode } = request;
  return { ...request, network: pin(network), ipcMode: pin(ipcMode), pidMode: pin(pidMode) };
}
