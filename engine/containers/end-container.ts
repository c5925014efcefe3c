import { EngineError } from "../errors.ts";
import { openLogReader } from "../logs/file-log-reader.ts";
import type { ExitRecord } from "../runtime/container-runtime.ts";
import { explainMissing } from "../runtime/explain-command.ts";
import { publishEvent } from "./container-events.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import { reasonOf } from "./end-reason.ts";
import type { ContainerParts } from "./parts.ts";
import { forgetExit, releaseSandbox } from "./release-sandbox.ts";
import { removeContainer } from "./remove-container.ts";
import { nextDelay, shouldRestart } from "./restart-backoff.ts";
import { restartByPolicy } from "./restart-by-policy.ts";

export type Ending = {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly at: Date;
  /** Why the exit code is not the process's own, or empty. */
  readonly error: string;
};

/**
 * What follows the end of a container's main process: the record, those who wait, the clean-up, then removal or a restart. Runs in
 * the container's queue.
 */
export async function endContainer(parts: ContainerParts, id: string, ending: Ending): Promise<void> {
  const before = parts.table.find(id);
  if (before === null || !isAlive(before.state.status)) {
    await forgetExit(parts, id);
    return;
  }
  const { exitCode } = ending;
  const ran = Math.max(0, ending.at.getTime() - Date.parse(before.state.startedAt ?? ending.at.toISOString()));
  parts.health.end(id);
  const reason = await findReason(parts, before, ending);
  const { state, request } = before;
  const willRestart = shouldRestart(request.restartPolicy, { ...state, exitCode });
  const restartDelay = willRestart ? nextDelay(state.restartDelay, ran) : 0;
  const willGo = request.autoRemove && !parts.comingBack.has(id) && !state.comingBack;
  const after = parts.table.update(id, {
    status: willGo ? "removing" : willRestart ? "restarting" : "exited",
    pid: null,
    conmonPid: null,
    exitCode,
    oomKilled: ending.oomKilled,
    finishedAt: ending.at.toISOString(),
    error: ending.error,
    reason,
    restartDelay,
  });
  // One of its other processes may have been hit before: that was told then.
  if (ending.oomKilled && !state.oomKilled) publishEvent(parts, after, "oom");
  publishEvent(parts, after, "die", { exitCode: String(exitCode), execDuration: String(Math.floor(ran / 1000)) });
  parts.waiters.exited(id, exitCode);
  if (!willRestart) parts.waiters.stopped(id, exitCode);
  if (willGo) return removeAtEnd(parts, after);
  await cleanUp(parts, id);
  if (willRestart) parts.restarts.schedule(id, restartDelay, () => restartByPolicy(parts, id));
}

const logs = openLogReader();
/** Lines of the log that are looked through for a reason. */
const lastLines = 30;

/** Empty where it ended well, or as it was told to. */
async function findReason(parts: ContainerParts, record: ContainerRecord, ending: Ending): Promise<string> {
  const { exitCode, oomKilled, error } = ending;
  const { id, state, request } = record;
  if (exitCode === 0 || state.stoppedByHand || error !== "" || request.autoRemove) return "";
  const query = { before: null, limit: lastLines };
  const page = await logs.page(id, pathsOf(parts.config, id).log, query).catch(() => null);
  // What earlier runs said is in the same log. Clocks of conmon and engine are one, but it began before it was on record.
  const since = new Date(Date.parse(state.startedAt ?? "") - 2000).toISOString();
  const lines = (page?.lines ?? []).filter(({ time }) => time >= since);
  const missing = () => explainMissing(pathsOf(parts.config, id).directory);
  return reasonOf({ exitCode, oomKilled, memoryLimit: request.resources.memory, lines, missing });
}

/** Milliseconds until an end that could not be written down is tried again, at first and at most. */
const firstRetry = 500;
const lastRetry = 30_000;

/** What the runtime tells must end on record, also when the disk is full just now. */
export function dealWithExit(parts: ContainerParts, exit: ExitRecord, retry = firstRetry): void {
  const { id, exitCode, oomKilled, at } = exit;
  const deal = async () => {
    // An exit that was dealt with since (a start that failed, a removal) is no longer on record.
    if (parts.runtime.findExit(id) !== null) await endContainer(parts, id, { exitCode, oomKilled, at, error: "" });
  };
  parts.queue.run(id, deal).catch((error) => {
    parts.log.error("the end of a container was not dealt with: it is tried again", { id, error });
    setTimeout(() => dealWithExit(parts, exit, Math.min(retry * 2, lastRetry)), retry).unref();
  });
}

/** A failure here must not keep the container from its next start or removal, which try again. */
async function cleanUp(parts: ContainerParts, id: string): Promise<void> {
  try {
    await releaseSandbox(parts, id);
    await forgetExit(parts, id);
  } catch (error) {
    parts.log.error("clean-up after a container failed", { id, error });
  }
}

async function removeAtEnd(parts: ContainerParts, record: ContainerRecord): Promise<void> {
  try {
    await removeContainer(parts, record);
  } catch (error) {
    const reason = EngineError.wrap(`remove container ${record.name} at its end`, error);
    parts.log.error(reason.message, { id: record.id, error });
    parts.waiters.removed(record.id, record.state.exitCode ?? 0);
  }
}
