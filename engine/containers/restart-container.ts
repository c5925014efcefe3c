import { publishEvent } from "./container-events.ts";
import { isActive, isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";
import { startByHand } from "./start-by-hand.ts";
import { stopContainer } from "./stop-container.ts";

export type Restart = { readonly timeout: number | null; readonly signal?: string | undefined };

/** Seconds that a container has to end where nothing else was said, and at most. */
const patience = 10;
const mostPatience = 3600;

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
    finishRestart(parts, id).catch((error) => {
      parts.log.error(`the restart of container ${name} that was cut off could not be finished`, { id, error });
    });
  }
}

/**
 * One that still runs has got its signal: it is started when it ends of that. It is not stopped anew, since whoever asked for it knows that
 * the restart failed and may be at work in there. Whoever ends it by hand meanwhile does not want it back.
 */
async function finishRestart(parts: ContainerParts, id: string): Promise<void> {
  const { request, state } = parts.table.get(id);
  try {
    if (isAlive(state.status) && !(await endsInTime(parts, id, request.stopTimeout ?? patience))) return;
    await parts.queue.run(id, async () => {
      const now = parts.table.find(id);
      if (now === null || isActive(now.state.status) || !now.state.comingBack) return;
      await startByHand(parts, now);
      publishEvent(parts, now, "restart");
    });
  } finally {
    forget(parts, id);
  }
}

function endsInTime(parts: ContainerParts, id: string, timeout: number): Promise<boolean> {
  const seconds = timeout < 0 ? patience : Math.min(timeout, mostPatience);
  return parts.waiters.wait(id, "stopped", AbortSignal.timeout(seconds * 1000)).then(
    () => true,
    () => false,
  );
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
