import { publishEvent } from "./container-events.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";
import { startByHand } from "./start-by-hand.ts";
import { stopContainer } from "./stop-container.ts";

export type Restart = { readonly timeout: number | null; readonly signal?: string | undefined };

/**
 * Stops a container where it runs, and starts it. From the stop on it is on record that it comes back: an engine that is killed in
 * between leaves that to the next one.
 */
export async function restartContainer(parts: ContainerParts, id: string, options: Restart): Promise<void> {
  const record = parts.table.get(id);
  const comingBack = parts.comingBack.add(id);
  try {
    await stopContainer(parts, record, options);
    await parts.queue.run(id, async () => {
      const now = parts.table.get(id);
      if (!isAlive(now.state.status)) await startByHand(parts, now);
    });
  } finally {
    comingBack[Symbol.dispose]();
    forget(parts, id);
  }
  publishEvent(parts, record, "restart");
}

/** At the engine's start: goes on with restarts that were cut off. They are not waited for. */
export function finishRestarts(parts: ContainerParts): void {
  for (const { id, name, state } of parts.table.all()) {
    if (!state.comingBack) continue;
    restartContainer(parts, id, { timeout: null }).catch((error) => {
      parts.log.error(`the restart of container ${name} that was cut off could not be finished`, { id, error });
    });
  }
}

/** Where it could not be stopped, or started, it is not to come back by itself later. */
function forget(parts: ContainerParts, id: string): void {
  if (parts.comingBack.has(id) || !parts.table.find(id)?.state.comingBack) return;
  try {
    parts.table.update(id, { comingBack: false });
  } catch (error) {
    parts.log.error("the end of a restart was not written down", { id, error });
  }
}
