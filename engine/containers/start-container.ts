import { EngineError } from "../errors.ts";
import { settleAll } from "../lib/settle.ts";
import { prepareBundle, writeBundle } from "./bundle.ts";
import { publishEvent } from "./container-events.ts";
import { cgroupParentOf, giveStreams, openNamespaces } from "./container-isolation.ts";
import { sandboxRequestOf } from "./container-networks.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { mountVolumes } from "./container-volumes.ts";
import { refreshLinks } from "./links.ts";
import { mapVolumes } from "./mapped-volumes.ts";
import type { ContainerParts } from "./parts.ts";
import { forgetExit, releaseSandbox } from "./release-sandbox.ts";
import { watchContainer } from "./watch-container.ts";

/**
 * Brings a container to life. Runs in its queue. Whatever fails, all is undone and the reason is on record, with docker's exit codes
 * 126 and 127 where the command is at fault. restartCount: restarts by policy, this one included; 0 for a start by hand. checkpoint: directory of one to go on from.
 */
export async function startContainer(
  parts: ContainerParts,
  record: ContainerRecord,
  options: { readonly restartCount: number; readonly checkpoint?: string },
): Promise<void> {
  const { id, name } = record;
  refuseUnstartable(record);
  parts.runtime.expectProcess();
  try {
    const process = await launch(parts, record, options.checkpoint);
    const started = parts.table.updateLater(id, {
      status: "running",
      pid: process.pid,
      conmonPid: process.conmonPid,
      startedAt: new Date().toISOString(),
      exitCode: null,
      oomKilled: false,
      error: "",
      stoppedByHand: false,
      comingBack: false,
      restartCount: options.restartCount,
      restartDelay: options.restartCount === 0 ? 0 : record.state.restartDelay,
      reason: "",
      bootID: parts.bootID,
    });
    watchContainer(parts, started);
    parts.health.begin(started);
    publishEvent(parts, started, "start");
    await refreshLinks(parts, started);
  } catch (error) {
    const reason = EngineError.wrap(`start container ${name}`, error);
    await undo(parts, record, reason);
    throw reason;
  }
  // What fails of this undoes nothing: it runs, and is on record as running.
  await parts.table.settled();
}

/**
 * Network and file system side by side, then the bundle, then the process with its clients attached. The ports get in force while the
 * runtime prepares the process, and are before it runs: what begins sooner keeps it waiting.
 */
async function launch(
  parts: ContainerParts,
  record: ContainerRecord,
  checkpoint?: string,
): Promise<{ pid: number; conmonPid: number }> {
  const { id, request } = record;
  const paths = pathsOf(parts.config, id);
  using namespaces = await openNamespaces(parts, record);
  const [{ sandbox, establish }, prepared] = await settleAll([
    parts.networks.reserve({ ...sandboxRequestOf(parts, record), namespace: namespaces?.netnsPath ?? null }),
    prepareBundle(parts, record),
  ]);
  await using mounts = await mountVolumes(parts, record);
  await using mapped = await mapVolumes(parts, record, mounts.list);
  await writeBundle(parts, record, { sandbox, prepared, namespaces, mounts: mapped.list });
  // The runtime writes what is asked of an interface while it makes the process.
  if (Object.keys(request.sysctls).some((name) => /^net\..*\b(conf|neigh)\b/.test(name))) await establish();
  const process = await parts.runtime.create({
    id,
    bundle: paths.directory,
    terminal: request.terminal,
    openStdin: request.openStdin,
    stdinOnce: request.stdinOnce,
    logPath: parts.logs.pathFor(record),
    checkpoint,
    runtime: request.runtime,
    cgroupPath: request.cgroupParent === "" ? undefined : `${cgroupParentOf(parts, request)}/${id}`,
    // It is waited for below.
    onBegun: () => void establish().catch(() => {}),
  });
  await giveStreams(parts, id, process.pid);
  await parts.sessions.connect(id, () => parts.runtime.attach(paths.directory));
  await establish();
  if (checkpoint === undefined) await parts.runtime.start(id);
  return process;
}

function refuseUnstartable({ name, state }: ContainerRecord): void {
  if (state.status !== "removing" && state.status !== "dead") return;
  throw new EngineError("failed-precondition", `container ${name} is being removed`, {
    hint: `finish that with: gantry rm -f ${name}`,
  });
}

/** Leaves the status as it was; the exit code only where it is the command's fault. */
async function undo(parts: ContainerParts, record: ContainerRecord, reason: EngineError): Promise<void> {
  const { id } = record;
  try {
    await releaseSandbox(parts, id);
    await forgetExit(parts, id);
  } catch (error) {
    parts.log.error("undo of a start failed", { id, error });
  }
  try {
    parts.table.update(id, {
      error: reason.message,
      ...(reason.exitCode === null ? {} : { exitCode: reason.exitCode }),
    });
  } finally {
    // Who waits for it must not wait for ever, whatever the disk says.
    parts.sessions.drop(id, reason);
    parts.waiters.startFailed(id, reason);
  }
}
