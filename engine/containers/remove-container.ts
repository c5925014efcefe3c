import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, messageOf } from "../errors.ts";
import { publishEvent } from "./container-events.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isActive } from "./container-status.ts";
import { deleteRecord } from "./container-volumes.ts";
import type { ContainerParts } from "./parts.ts";
import { forgetExit, releaseForGood } from "./release-sandbox.ts";
import { stopContainer } from "./stop-container.ts";

/** What the layer store owns in a container's directory: never deleted by name, it may be a mount. */
const layerEntries = new Set(["rootfs", "upper", "work"]);

/**
 * Takes a container that does not run away for good. Says so first (`removing`), so that a removal cut off by a crash is finished
 * at the next start. Runs in the container's queue.
 */
export async function removeContainer(parts: ContainerParts, record: ContainerRecord): Promise<void> {
  const { id } = record;
  parts.restarts.cancel(id);
  if (record.state.status !== "removing") parts.table.update(id, { status: "removing" });
  try {
    // First: its files go with what follows.
    await parts.logs.release(id);
    await releaseForGood(parts, id);
    await forgetExit(parts, id);
    await removeDirectory(pathsOf(parts.config, id).directory);
  } catch (error) {
    parts.table.update(id, {
      status: "dead",
      error: `removal failed: ${messageOf(error)}`,
    });
    throw EngineError.wrap(`remove container ${record.name}`, error);
  }
  deleteRecord(parts, record);
  publishEvent(parts, record, "destroy");
  parts.sessions.drop(id, new EngineError("not-found", `container ${record.name} was removed`));
  parts.waiters.removed(id, record.state.exitCode ?? 0);
}

/** How often a container that others keep starting is killed again. */
const mostKills = 20;

/** Refuses a running container, unless by force, which kills it first, also where it is being started just now. */
export async function removeOnRequest(
  parts: ContainerParts,
  id: string,
  { force, volumes }: { readonly force: boolean; readonly volumes: boolean },
): Promise<void> {
  const { name, state } = parts.table.get(id);
  if (isActive(state.status) && !force) {
    throw new EngineError("failed-precondition", `container ${name} is ${state.status}`, {
      hint: `stop it first with: gantry stop ${name}; or force it with: gantry rm -f ${name}`,
    });
  }
  for (let kills = 0; ; kills++) {
    const record = parts.table.find(id);
    // Its end may take it away by itself (--rm): then somebody else's removal is ours.
    if (record !== null && isActive(record.state.status)) {
      // docker tells `kill`, `die` and `destroy` of it, no `stop`.
      await stopContainer(parts, record, { timeout: 0, signal: "SIGKILL", untold: true });
    }
    if (await parts.queue.run(id, () => removeUnlessActive(parts, id, volumes))) return;
    if (force && kills < mostKills) continue;
    throw new EngineError("failed-precondition", `container ${name} was started while it was being removed`);
  }
}

/** False where it runs. */
async function removeUnlessActive(parts: ContainerParts, id: string, volumes: boolean): Promise<boolean> {
  const record = parts.table.find(id);
  if (record === null) return true;
  if (isActive(record.state.status)) return false;
  if (volumes) parts.volumes.markGoing(id);
  await removeContainer(parts, record);
  return true;
}

/** A success if it is gone. */
export async function removeDirectory(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => null);
  if (names === null) return;
  for (const name of names) {
    if (!layerEntries.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
  for (const name of layerEntries) await rmdir(join(directory, name)).catch(() => {});
  await rmdir(directory);
}
