import { EngineError } from "../errors.ts";
import type { ContainerRecord } from "./container-record.ts";
import { joinedContainersOf } from "./joined-containers.ts";
import { linkedContainersOf } from "./links.ts";
import type { ContainerParts } from "./parts.ts";
import { nextDelay, remainingDelay, shortestDelay } from "./restart-backoff.ts";
import { startContainer } from "./start-container.ts";

/**
 * Starts a container that its policy brings back, and tries again later where that fails, or could not be written down (`unwritten`: the
 * pause before, where it is not on record).
 */
export function restartByPolicy(parts: ContainerParts, id: string, unwritten = 0): void {
  queueRestart(parts, id).catch((error) => {
    const name = parts.table.find(id)?.name ?? id;
    parts.log.error(EngineError.wrap(`restart container ${name}`, error).message, { id, error });
    const delay = nextDelay(unwritten, 0);
    parts.restarts.schedule(id, delay, () => restartByPolicy(parts, id, delay));
  });
}

async function queueRestart(parts: ContainerParts, id: string): Promise<void> {
  const record = parts.table.find(id);
  // After a boot of the host, those that this one needs may not have been looked at yet.
  for (const other of record === null ? [] : neededContainersOf(record)) {
    await parts.queue.run(other, () => Promise.resolve());
  }
  await parts.queue.run(id, () => restart(parts, id));
}

async function restart(parts: ContainerParts, id: string): Promise<void> {
  const record = parts.table.find(id);
  // Stopped, started or removed by hand in the meantime.
  if (record?.state.status !== "restarting") return;
  const pause = pauseForNeeded(parts, record);
  if (pause !== null) return parts.restarts.schedule(id, pause, () => restartByPolicy(parts, id));
  const restartCount = record.state.restartCount + 1;
  try {
    await startContainer(parts, record, { restartCount });
  } catch (error) {
    parts.log.warning(EngineError.wrap(`restart container ${record.name}`, error).message, { id });
    giveUpOrRetry(parts, id, restartCount);
  }
}

/** Those whose namespaces it shares, or that it is linked to. */
function neededContainersOf({ request }: ContainerRecord): string[] {
  return [...joinedContainersOf(request), ...linkedContainersOf(request)];
}

/** How long to wait, in ms, for those that it needs and that are about to restart themselves. Null: start now. */
function pauseForNeeded(parts: ContainerParts, record: ContainerRecord): number | null {
  const pauses = neededContainersOf(record).flatMap((needed) => {
    const state = parts.table.find(needed)?.state;
    if (state?.status !== "restarting") return [];
    return [shortestDelay + (remainingDelay(state.restartDelay, Date.parse(state.finishedAt ?? ""), Date.now()) || 0)];
  });
  return pauses.length === 0 ? null : Math.max(...pauses);
}

function giveUpOrRetry(parts: ContainerParts, id: string, restartCount: number): void {
  const record = parts.table.find(id);
  if (record === null) return;
  const policy = record.request.restartPolicy;
  const isSpent =
    policy.name === "on-failure" && policy.maximumRetryCount > 0 && restartCount >= policy.maximumRetryCount;
  if (isSpent) {
    parts.table.update(id, { status: "exited", restartCount });
    parts.waiters.stopped(id, record.state.exitCode ?? 0);
    return;
  }
  const restartDelay = nextDelay(record.state.restartDelay, 0);
  parts.table.update(id, { status: "restarting", restartCount, restartDelay });
  parts.restarts.schedule(id, restartDelay, () => restartByPolicy(parts, id));
}
