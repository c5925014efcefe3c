import { EngineError } from "../../engine/errors.ts";
import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import type { EngineClient } from "../client/connection.ts";

/** Asks the engine for the container of this name, id, or unique prefix of an id. */
export async function getContainer(client: EngineClient, name: string): Promise<ContainerSummary> {
  return resolveContainer(await client.request("containers.list", { all: true }), name);
}

/** Fails with `not-found`, or `invalid-argument` for a prefix of several ids. */
export function resolveContainer(containers: readonly ContainerSummary[], name: string): ContainerSummary {
  const exact = containers.find((container) => container.name === name || container.id === name);
  if (exact !== undefined) return exact;
  const [first, ...more] = containers.filter((container) => name !== "" && container.id.startsWith(name));
  if (first === undefined) {
    throw new EngineError("not-found", `container ${name} not found`, { hint: "see: gantry ps --all" });
  }
  if (more.length === 0) return first;
  throw new EngineError("invalid-argument", `container id ${name} is ambiguous`, { hint: "type more of the id" });
}
