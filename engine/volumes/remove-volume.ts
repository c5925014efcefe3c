import { randomUUID } from "node:crypto";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { errnoError, errnoOf } from "../host/errno.ts";
import { forEachBounded } from "../lib/bounded.ts";
import { matchesLabels } from "../lib/label-filter.ts";
import { mountsBelow, unmountVolume } from "./volume-mounts.ts";
import { pathsOfVolume, publishVolumeEvent, type VolumeParts } from "./volume-parts.ts";
import { needsMount, type VolumeRecord } from "./volume-record.ts";
import type { PrunedVolumes, VolumePrune } from "./volume-service.ts";

/** Removals side by side: each shares the sync of the others, and none holds up the engine for long. */
const parallel = 32;

/** Fails with `failed-precondition` where somebody uses it. Resolves when its bytes are gone. */
export async function removeVolume(parts: VolumeParts, name: string): Promise<void> {
  const gone = await parts.queue.run(name, async () => {
    const record = parts.table.get(name);
    const reason = record.status === "making" ? "is being made" : whyKept(parts, record);
    if (reason !== null) {
      throw new EngineError("failed-precondition", `volume ${name} ${reason}`, {
        hint: "remove the containers that use it first, see: gantry volume inspect",
      });
    }
    parts.table.setStatus(name, "removing");
    return await takeAway(parts, name);
  });
  await parts.trash.destroy(gone);
}

/** Why a volume cannot go, or null. */
function whyKept({ table, mounts, busy }: VolumeParts, { name }: VolumeRecord): string | null {
  const users = table.usesOf(name).map(({ container }) => container.slice(0, 12));
  if (users.length > 0) return `is in use by container ${users.join(", ")}`;
  if (mounts.isUsed(name)) return "is being looked at";
  return busy.has(name) ? "is being exported or imported" : null;
}

/** Finishes the removal of those that went with a container; a failure brings them back into sight. In the background. */
export function removeDoomed(parts: VolumeParts, names: readonly string[]): Promise<void> {
  const removals = names.map(async (name) => {
    try {
      await removeMarked(parts, name);
    } catch (error) {
      parts.log.error("a volume could not be removed", { volume: name, error });
    }
  });
  return Promise.all(removals).then(() => {});
}

/** Takes one away now that is marked as being removed, for somebody who wants its name. In the volume's queue. */
export async function makeWay(parts: VolumeParts, name: string): Promise<void> {
  if (parts.table.find(name)?.status !== "removing") return;
  const gone = await takeAway(parts, name);
  void parts.trash.destroy(gone).catch((error) => parts.log.warning("bytes of a volume were left", { gone, error }));
}

/** Removes one that is marked as being removed, unless somebody else has done so by now. */
async function removeMarked(parts: VolumeParts, name: string): Promise<void> {
  const gone = await parts.queue.run(name, async () => {
    return parts.table.find(name)?.status === "removing" ? await takeAway(parts, name) : null;
  });
  if (gone !== null) await parts.trash.destroy(gone);
}

/**
 * Takes the name away, first from the directory and then from the records: a crash between leaves a record that says what is to be done.
 * Gives where the bytes lie. What somebody else has mounted in there is never deleted: then all is as it was.
 */
async function takeAway(parts: VolumeParts, name: string): Promise<string> {
  const record = parts.table.get(name);
  const { directory, data } = pathsOfVolume(parts.directory, name);
  const gone = join(parts.directory, `.gone-${randomUUID()}`);
  try {
    if (needsMount(record)) await unmountVolume(record, data);
    refuseMounts(name, directory);
    if (await renameIfThere(directory, gone)) {
      try {
        refuseMounts(name, gone);
      } catch (error) {
        await rename(gone, directory);
        throw error;
      }
    }
    await parts.namesSync.request();
    parts.table.delete(name);
  } catch (error) {
    if (parts.table.find(name) !== null) parts.table.setStatus(name, "ready");
    throw errnoError(`remove volume ${name}`, error);
  }
  parts.sizes.forget(name);
  publishVolumeEvent(parts, "destroy", name);
  return gone;
}

function refuseMounts(name: string, directory: string): void {
  const [mount] = mountsBelow(directory);
  if (mount === undefined) return;
  throw new EngineError("failed-precondition", `something is mounted in volume ${name}, at ${mount}`, {
    hint: "unmount it by hand first, so that it is not deleted",
  });
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Removes those that nobody uses; what is taken into use meanwhile stays. */
export async function pruneVolumes(parts: VolumeParts, options: VolumePrune, dryRun: boolean): Promise<PrunedVolumes> {
  const isChosen = (record: VolumeRecord) =>
    record.status === "ready" &&
    (options.all || record.anonymous) &&
    matchesLabels(record.labels, options.labels) &&
    whyKept(parts, record) === null;
  const sizes = new Map<string, number>();
  const measured = parts.table
    .all()
    .filter(isChosen)
    .map(async (record) => {
      sizes.set(record.name, needsMount(record) ? 0 : ((await parts.sizes.measure(record.name)) ?? 0));
    });
  await Promise.all(measured);
  // No await from here to the marks: nobody can begin to use one of these.
  const chosen = parts.table.all().filter((record) => sizes.has(record.name) && isChosen(record));
  const names = chosen.map(({ name }) => name);
  const removed = (dryRun ? names : await removeAll(parts, names)).map((name) => ({
    name,
    size: sizes.get(name) ?? 0,
  }));
  const bytes = removed.reduce((total, { size }) => total + size, 0);
  if (!dryRun)
    parts.events.publish({ type: "volume", action: "prune", id: "", attributes: { reclaimed: String(bytes) } });
  return { removed, bytes };
}

/** One write for all. What cannot be removed, since something is mounted in it, stays. Gives the names of the others. */
async function removeAll(parts: VolumeParts, names: readonly string[]): Promise<string[]> {
  parts.table.markRemoving(names);
  const removed: string[] = [];
  const signal = new AbortController().signal;
  try {
    await forEachBounded(names, { limit: parallel, signal }, async (name) => {
      try {
        await removeMarked(parts, name);
        removed.push(name);
      } catch (error) {
        if (!isKept(error)) throw error;
      }
    });
  } catch (error) {
    // None may stay marked without anybody at work on it.
    void removeDoomed(parts, names);
    throw error;
  }
  return removed.sort();
}

function isKept(error: unknown): boolean {
  return error instanceof EngineError && error.code === "failed-precondition";
}
