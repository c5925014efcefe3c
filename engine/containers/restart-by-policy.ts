import { EngineError } from "../errors.ts";
import type { ContainerParts } from "./parts.ts";
import { nextDelay } from "./restart-backoff.ts";
import { startContainer } from "./start-container.ts";

/**
 * Starts a container that its policy brings back, and tries again later where that fails, or could not be written down (`unwritten`: the
 * pause before, where it is not on record).
 */
export function restartByPolicy(parts: ContainerParts, id: string, unwritten = 0): void {
  parts.queue
    .run(id, async () => {
      const record = parts.table.find(id);
      // Stopped, started or removed by hand in the meantime.
      if (record?.state.status !== "restarting") return;
      const restartCount = record.state.restartCount + 1;
      try {
        await startContainer(parts, record, { restartCount });
      } catch (error) {
        parts.log.warning(EngineError.wrap(`restart container ${record.name}`, error).message, { id });
        giveUpOrRetry(parts, id, restartCount);
      }
    })
    .catch((error) => {
      const name = parts.table.find(id)?.name ?? id;
      parts.log.error(EngineError.wrap(`restart container ${name}`, error).message, { id, error });
      const delay = nextDelay(unwritten, 0);
      parts.restarts.schedule(id, delay, () => restartByPolicy(parts, id, delay));
    });
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
