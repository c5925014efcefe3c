import { EngineError } from "../errors.ts";
import type { Resources, RestartPolicy } from "../protocol/resources.ts";
import { findBlockDevices } from "../runtime/spec/block-devices.ts";
import { getHostFacts } from "../runtime/spec/host-facts.ts";
import { buildResources } from "../runtime/spec/resources.ts";
import { checkRestartPolicy } from "./check-request.ts";
import { publishEvent } from "./container-events.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import { mergeResources, takesAway } from "./merge-resources.ts";
import type { ContainerParts } from "./parts.ts";
import { watchContainer } from "./watch-container.ts";

export type Update = { readonly resources: Resources; readonly restartPolicy?: RestartPolicy | undefined };

/**
 * Changes limits and restart policy, live where it runs; all or nothing. That limits are being changed is on record first: an engine that
 * is killed meanwhile sets those on record again at its next start.
 */
export function updateContainer(parts: ContainerParts, id: string, update: Update): Promise<{ warnings: string[] }> {
  return parts.queue.run(id, async () => {
    const record = parts.table.get(id);
    const request = await requestAfter(record, update);
    const warnings = await warningsOf(request.resources);
    const isLive = isAlive(record.state.status) && request.resources !== record.request.resources;
    if (isLive) await updateLive(parts, record, request);
    else parts.table.updateRequest(id, request);
    const after = parts.table.get(id);
    if (isLive) watchContainer(parts, after);
    publishEvent(parts, after, "update");
    return { warnings };
  });
}

/** At the engine's start: an update was cut off, nobody was told of a success. */
export async function undoUpdate(parts: ContainerParts, { id, request }: ContainerRecord): Promise<void> {
  await parts.runtime.update(id, request.resources, { whole: true });
  parts.table.update(id, { updating: false });
}

async function updateLive(
  parts: ContainerParts,
  record: ContainerRecord,
  request: ContainerRecord["request"],
): Promise<void> {
  const { id, name } = record;
  parts.table.update(id, { updating: true });
  try {
    const whole = takesAway(record.request.resources, request.resources);
    await parts.runtime.update(id, request.resources, { whole });
    parts.table.updateRequest(id, request, { updating: false });
  } catch (error) {
    try {
      await undoUpdate(parts, record);
    } catch (second) {
      parts.log.error("undo of an update failed", { id, error: second });
    }
    throw EngineError.wrap(`update container ${name}`, error);
  }
}

async function requestAfter(record: ContainerRecord, update: Update): Promise<ContainerRecord["request"]> {
  const { name, request, state } = record;
  if (state.status === "removing" || state.status === "dead") {
    throw new EngineError("failed-precondition", `container ${name} is marked for removal and cannot be updated`);
  }
  const { restartPolicy = request.restartPolicy } = update;
  checkRestartPolicy(restartPolicy);
  if (request.autoRemove && restartPolicy.name !== "no") {
    throw new EngineError(
      "invalid-argument",
      `restart policy of container ${name} cannot be updated: it is to be removed at its end (--rm)`,
    );
  }
  const merged = mergeResources(request.resources, update.resources);
  const isSame = JSON.stringify(merged) === JSON.stringify(request.resources);
  return { ...request, restartPolicy, resources: isSame ? request.resources : merged };
}

/** Fails with `invalid-argument` for limits that make no sense together. */
async function warningsOf(resources: Resources): Promise<string[]> {
  const warnings: string[] = [];
  const devices = await findBlockDevices(resources);
  buildResources(resources, getHostFacts(), (text) => warnings.push(text), devices);
  return warnings;
}
