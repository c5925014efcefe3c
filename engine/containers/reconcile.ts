import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { settleCheckpoints } from "./checkpoints.ts";
import { thaw } from "./commit-container.ts";
import { releaseShm } from "./container-isolation.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import { abandonRecord, sweepParts } from "./container-volumes.ts";
import { endContainer } from "./end-container.ts";
import { sweepMappedVolumes } from "./mapped-volumes.ts";
import type { ContainerParts } from "./parts.ts";
import { forgetExit, releaseSandbox } from "./release-sandbox.ts";
import { removeContainer, removeDirectory } from "./remove-container.ts";
import { remainingDelay, shouldStartAtBoot } from "./restart-backoff.ts";
import { restartByPolicy } from "./restart-by-policy.ts";
import { undoUpdate } from "./update-container.ts";
import { watchContainer } from "./watch-container.ts";

/** docker's exit code of a container whose end nobody saw. */
const unknownExitCode = 255;

/**
 * Brings records in line with what really runs: whatever was cut off by the engine's or the host's end is finished or undone, what
 * runs is watched again, what nobody owns is swept. One container's failure is logged and keeps no other from being looked at.
 */
export async function reconcileContainers(parts: ContainerParts): Promise<void> {
  await sweepMappedVolumes(parts);
  const records = parts.table.all();
  const alive = await Promise.all(records.map((record) => isStillRunning(parts, record)));
  const living = records.filter((_record, index) => alive[index]);
  await parts.networks.restore(living.map(({ id }) => id));
  await sweepParts(parts);
  await parts.volumes.restore(living.map(({ id }) => ({ id, names: parts.volumes.namesOf(id) })));
  await parts.runtime.endStrays(living.map(({ id }) => id));
  const listed = new Set(await parts.runtime.list());
  const writable = new Set(parts.layers.listWritable());
  await Promise.all(
    records.map((record) =>
      parts.queue.run(record.id, () =>
        living.includes(record)
          ? guard(parts, record.id, () => resume(parts, record))
          : guard(parts, record.id, () => settle(parts, record, { listed, writable })),
      ),
    ),
  );
  await sweep(parts, { listed, writable });
}

type Found = {
  /** Ids the runtime knows. */
  readonly listed: ReadonlySet<string>;
  /** Writable layers there are. */
  readonly writable: ReadonlySet<string>;
};

/** A container whose conmon was killed goes on without log and terminal; the runtime tells its end all the same. */
async function isStillRunning(parts: ContainerParts, { id, state }: ContainerRecord): Promise<boolean> {
  if (!isAlive(state.status) || state.bootID !== parts.bootID) return false;
  if (parts.runtime.isSupervised(id)) return true;
  if (parts.runtime.findExit(id) !== null) return false;
  const known = await parts.runtime.state(id).catch(() => undefined);
  // A runtime that does not answer says nothing of the container, which must not pay for that.
  if (known === undefined) return (await parts.runtime.processes(id)).length > 0;
  return known !== null && known.status !== "stopped";
}

async function guard(parts: ContainerParts, id: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    parts.log.error("a container could not be brought in line", { id, error });
  }
}

/** It did not notice that we were away. A pause cut off in the middle shows in the kernel only. */
async function resume(parts: ContainerParts, record: ContainerRecord): Promise<void> {
  watchContainer(parts, record);
  parts.health.begin(record);
  if (record.state.frozen) await thaw(parts, record.id);
  const isFrozen = parts.runtime.isFrozen(record.id);
  if (isFrozen && record.state.status === "running") {
    parts.table.update(record.id, { status: "paused" });
    await parts.health.pause(record.id);
  } else if (!isFrozen && record.state.status === "paused") {
    parts.table.update(record.id, { status: "running" });
    parts.health.unpause(record.id);
  }
  if (record.state.updating) await undoUpdate(parts, record);
}

/** Everything that does not run, whatever its record says. */
async function settle(parts: ContainerParts, record: ContainerRecord, found: Found): Promise<void> {
  const { id, state, request } = record;
  if (state.status === "removing" || state.status === "dead") return removeContainer(parts, record);
  if (isAlive(state.status)) {
    await endUnseen(parts, record);
    return comeBackAtBoot(parts, parts.table.find(id));
  }
  if (state.status === "created" && !parts.layers.hasWritable(id)) return dropHalfMade(parts, id);
  await release(parts, id, found);
  await settleCheckpoints(pathsOf(parts.config, id).directory);
  if (state.status === "exited" && request.autoRemove && !state.comingBack) return removeContainer(parts, record);
  if (state.status !== "restarting") return comeBackAtBoot(parts, record);
  const delay = remainingDelay(state.restartDelay, Date.parse(state.finishedAt ?? ""), Date.now());
  parts.restarts.schedule(id, delay || 0, () => restartByPolicy(parts, id));
}

/** It ended while no engine was there. */
async function endUnseen(parts: ContainerParts, { id, state }: ContainerRecord): Promise<void> {
  const isFrozenInFiles = await settleCheckpoints(pathsOf(parts.config, id).directory);
  // It is to go on from there, not from the beginning.
  if (isFrozenInFiles) parts.table.update(id, { stoppedByHand: true });
  const exit = state.bootID === parts.bootID ? parts.runtime.findExit(id) : null;
  if (exit !== null) {
    await endContainer(parts, id, { exitCode: exit.exitCode, oomKilled: exit.oomKilled, at: exit.at, error: "" });
    return;
  }
  const error =
    state.bootID === parts.bootID ? "its supervisor (conmon) was killed" : "it ended when the host was restarted";
  await endContainer(parts, id, { exitCode: unknownExitCode, oomKilled: false, at: new Date(), error });
}

/** The engine ended between claiming the name and making the file system: nobody was told of a success. */
async function dropHalfMade(parts: ContainerParts, id: string): Promise<void> {
  await parts.layers.remove(id);
  await removeDirectory(pathsOf(parts.config, id).directory);
  await abandonRecord(parts, id);
}

/** What a start or an end that was cut off may have left. */
async function release(parts: ContainerParts, id: string, found: Found): Promise<void> {
  if (found.listed.has(id) || parts.runtime.isSupervised(id)) await releaseSandbox(parts, id);
  else await Promise.all([parts.layers.unmount(id), releaseShm(parts, id)]);
  await forgetExit(parts, id);
}

/** The first look after the host was booted: the policy may bring back also what a person had stopped. */
function comeBackAtBoot(parts: ContainerParts, record: ContainerRecord | null): void {
  if (record?.state.status !== "exited") return;
  const { id, request, state } = record;
  if (state.startedAt === null || state.bootID === parts.bootID) return;
  const ending = { ...state, exitCode: state.exitCode ?? 0, wasRunning: false };
  if (!shouldStartAtBoot(request.restartPolicy, ending)) return;
  parts.table.update(id, { status: "restarting" });
  parts.restarts.schedule(id, 0, () => restartByPolicy(parts, id));
}

/** Sandboxes, writable layers and directories without a record. A record that cannot be read still owns its own. */
async function sweep(parts: ContainerParts, found: Found): Promise<void> {
  const unreadable = parts.table.unreadable.map(({ id }) => id);
  const isOwned = (id: string) => parts.table.find(id) !== null || unreadable.includes(id);
  const directories = await readdir(join(parts.config.root, "containers")).catch(() => []);
  const isID = (name: string) => /^[0-9a-f]{64}$/.test(name);
  // Those of builds have other names, and are swept by these.
  const all = new Set([...found.listed, ...found.writable, ...directories].filter(isID));
  const orphans = [...all].filter((id) => !isOwned(id));
  for (const id of orphans) {
    await guard(parts, id, async () => {
      parts.log.warning("a container without a record is removed", { id });
      await removeOrphan(parts, id);
    });
  }
}

/** All that is left of a container that has no record. */
export async function removeOrphan(parts: ContainerParts, id: string): Promise<void> {
  await releaseSandbox(parts, id);
  await forgetExit(parts, id);
  await parts.layers.remove(id);
  await removeDirectory(pathsOf(parts.config, id).directory);
}
