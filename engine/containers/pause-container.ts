import { EngineError } from "../errors.ts";
import { publishEvent } from "./container-events.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";

/** Freezes all processes of a container. */
export function pauseContainer(parts: ContainerParts, id: string): Promise<void> {
  return parts.queue.run(id, async () => {
    const { name, state } = parts.table.get(id);
    if (state.status === "paused") throw new EngineError("failed-precondition", `container ${name} is already paused`);
    if (!isAlive(state.status)) throw new EngineError("failed-precondition", `container ${name} is not running`);
    await freeze(parts, id);
    publishEvent(parts, parts.table.update(id, { status: "paused" }), "pause");
  });
}

/** No health check runs when its processes stand still: it could not end. */
async function freeze(parts: ContainerParts, id: string): Promise<void> {
  await parts.health.pause(id);
  try {
    await parts.runtime.pause(id);
  } catch (error) {
    parts.health.unpause(id);
    throw error;
  }
}

export function unpauseContainer(parts: ContainerParts, id: string): Promise<void> {
  return parts.queue.run(id, async () => {
    const { name, state } = parts.table.get(id);
    if (state.status !== "paused") throw new EngineError("failed-precondition", `container ${name} is not paused`);
    await parts.runtime.resume(id);
    publishEvent(parts, parts.table.update(id, { status: "running" }), "unpause");
    parts.health.unpause(id);
  });
}
