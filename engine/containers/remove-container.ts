import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { publishEvent } from "./container-events.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isActive } from "./container-status.ts";
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
  parts.restarts.reset(id);
  if (record.state.status !== "removing") parts.table.update(id, { status: "removing" });
  try {
    await releaseForGood(parts, id);
    await forgetExit(parts, id);
    await removeDirectory(pathsOf(parts.config, id).directory);
  } catch (error) {
    parts.table.update(id, {
      status: "dead",
      error: `removal failed: ${EngineError.wrap("", error).message.slice(2)}`,
    });
    throw EngineError.wrap(`remove container ${record.name}`, error);
  }
  parts.table.delete(id);
  publishEvent(parts, record, "destroy");
  parts.sessions.drop(id, new EngineError("not-found", `container ${record.name} was removed`));
  parts.waiters.removed(id, record.state.exitCode ?? 0);
}

/** Refuses a running container, unless by force, which kills it first. */
export async function removeOnRequest(parts: ContainerParts, id: string, force: boolean): Promise<void> {
  const { name, state } = parts.table.get(id);
  if (isActive(state.status) && !force) {
    throw new EngineError("failed-precondition", `container ${name} is ${state.status}`, {
      hint: `stop it first with: gantry stop ${name}; or force it with: gantry rm -f ${name}`,
    });
  }
  // Its end may take it away by itself (--rm): then somebody else's removal is ours.
  if (isActive(state.status)) await stopContainer(parts, parts.table.get(id), { timeout: 0, signal: "SIGKILL" });
  await parts.queue.run(id, async () => {
    const record = parts.table.find(id);
    if (record === null) return;
    if (isActive(record.state.status)) {
      throw new EngineError("failed-precondition", `container ${name} was started while it was being removed`);
    }
    await removeContainer(parts, record);
  });
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
