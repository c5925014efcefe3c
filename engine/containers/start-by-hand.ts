import type { ContainerRecord } from "./container-record.ts";
import type { ContainerParts } from "./parts.ts";
import { removeContainer } from "./remove-container.ts";
import { restartByPolicy } from "./restart-by-policy.ts";
import { startContainer } from "./start-container.ts";

/** Starts a container as a client asked. One that is to be removed at its end (--rm) is removed when it cannot even start. */
export async function startByHand(parts: ContainerParts, record: ContainerRecord): Promise<void> {
  parts.restarts.cancel(record.id);
  try {
    await startContainer(parts, record, { restartCount: 0 });
  } catch (error) {
    const now = parts.table.find(record.id);
    // Its policy goes on where it was: nobody has told it to stay down.
    if (now?.state.status === "restarting") {
      parts.restarts.schedule(now.id, now.state.restartDelay, () => restartByPolicy(parts, now.id));
    }
    if (record.request.autoRemove && now !== null) {
      await removeContainer(parts, now).catch((second) => {
        parts.log.error("removal after a failed start failed", { id: record.id, error: second });
      });
    }
    throw error;
  }
}
