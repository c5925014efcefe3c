import { constants } from "node:os";
import { EngineError } from "../errors.ts";
import { catchesSignal } from "../host/processes.ts";
import { formatSignal, parseSignal } from "../host/signals.ts";
import { publishEvent } from "./container-events.ts";
import type { ContainerRecord } from "./container-record.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";

/** Seconds. */
export const defaultTimeout = 10;
/** After SIGKILL: longer than this and the process hangs in the kernel. */
const killPatience = 30_000;
/** setTimeout takes more than this, 24 days, for no time at all. */
const longestTimer = 2 ** 31 - 1;

/** hint: why it took all the time it was given, where that is known. */
export type Stopped = { readonly stopped: boolean; readonly hint: string | null };

/**
 * Sends the stop signal, waits, sends SIGKILL. timeout in seconds; null takes the container's own, -1 waits for ever. The waiting is
 * done outside the container's queue, so that `kill` can come in between. Not `stopped` where it does not run. untold: without the event
 * `stop`.
 */
export async function stopContainer(
  parts: ContainerParts,
  record: ContainerRecord,
  options: { readonly timeout: number | null; readonly signal?: string | undefined; readonly untold?: boolean },
): Promise<Stopped> {
  const { id } = record;
  const given = new AbortController();
  const ended = parts.waiters.wait(id, "next-exit", given.signal);
  ended.catch(() => {});
  let hint: string | null = null;
  try {
    const signal = parseSignal(options.signal ?? record.resolution.stopSignal);
    if (!(await parts.queue.run(id, () => beginStop(parts, id, signal)))) return { stopped: false, hint };
    const timeout = options.timeout ?? record.request.stopTimeout ?? defaultTimeout;
    if (!(await endsInTime(parts, { id, timeout, ended }))) {
      // Who gives it no time does not wonder.
      hint = timeout === 0 ? null : hintOf(parts.table.find(id), signal);
      await killHard(parts, record, ended);
    }
  } finally {
    given.abort();
  }
  // The end is on record; what follows it (unmounting, its place on the network) is behind the queue.
  await parts.queue.run(id, async () => {});
  const after = parts.table.find(id);
  if (after !== null && options.untold !== true) publishEvent(parts, after, "stop");
  return { stopped: true, hint };
}

type Waiting = { readonly id: string; readonly timeout: number; readonly ended: Promise<unknown> };

async function endsInTime(parts: ContainerParts, { id, timeout, ended }: Waiting): Promise<boolean> {
  const isEndless = timeout < 0;
  using _stopping = parts.stopping.begin(id, isEndless ? Number.POSITIVE_INFINITY : Date.now() + timeout * 1000);
  if (!isEndless) return await within(ended, timeout * 1000);
  await ended;
  return true;
}

/**
 * The first process of a pid namespace gets from outside, SIGKILL apart, only signals that it has a handler for (pid_namespaces(7)): many
 * programs and shells have none, and every stop of theirs lasts until the timeout.
 */
function hintOf(record: ContainerRecord | null, signal: number): string | null {
  const pid = record?.state.pid ?? null;
  if (record === null || pid === null || signal === constants.signals.SIGKILL || record.request.init) return null;
  if (catchesSignal(pid, signal) !== false) return null;
  return `the first process of ${record.name} has no handler for ${formatSignal(signal)}: run it with --init, or give it another --stop-signal`;
}

/** kill(1) on the main process: does not wait for what comes of it. */
export async function killContainer(parts: ContainerParts, id: string, text: string): Promise<void> {
  const signal = parseSignal(text);
  await parts.queue.run(id, async () => {
    const record = parts.table.get(id);
    if (!isAlive(record.state.status)) {
      throw new EngineError("failed-precondition", `container ${record.name} is not running`, {
        hint: `start it with: gantry start ${record.name}`,
      });
    }
    const isEnd = signal === constants.signals.SIGKILL || signal === parseSignal(record.resolution.stopSignal);
    if (isEnd) parts.table.update(id, byHandOf(parts, id));
    await sendSignal(parts, record, signal);
  });
}

/** It comes back where somebody restarts it just now, and not where an earlier engine's restart was cut off. */
function byHandOf(parts: ContainerParts, id: string) {
  return { stoppedByHand: true, bootID: parts.bootID, comingBack: parts.comingBack.has(id) };
}

/** In the queue. False where there is nothing to wait for. */
async function beginStop(parts: ContainerParts, id: string, signal: number): Promise<boolean> {
  const record = parts.table.get(id);
  const byHand = byHandOf(parts, id);
  if (record.state.status === "restarting") {
    parts.restarts.cancel(id);
    parts.table.update(id, { status: "exited", ...byHand });
    parts.waiters.exited(id, record.state.exitCode ?? 0);
    parts.waiters.stopped(id, record.state.exitCode ?? 0);
    return true;
  }
  if (!isAlive(record.state.status)) return false;
  parts.table.update(id, byHand);
  await sendSignal(parts, record, signal);
  return true;
}

async function killHard(parts: ContainerParts, record: ContainerRecord, ended: Promise<unknown>): Promise<void> {
  const { id, name } = record;
  await parts.queue.run(id, async () => {
    const now = parts.table.find(id);
    if (now !== null && isAlive(now.state.status)) await sendSignal(parts, now, constants.signals.SIGKILL);
  });
  if (await within(ended, killPatience)) return;
  throw new EngineError("unavailable", `container ${name} did not end within ${killPatience / 1000} s of SIGKILL`, {
    hint: "its process hangs in the kernel, mostly on a dead disk or network share",
  });
}

/** A frozen process gets a signal only when it is thawed; for SIGKILL the runtime sees to that. */
async function sendSignal(parts: ContainerParts, record: ContainerRecord, signal: number): Promise<void> {
  const { id, state } = record;
  await parts.runtime.kill(id, signal, false);
  publishEvent(parts, record, "kill", { signal: String(signal), signalName: formatSignal(signal) });
  if (state.status !== "paused" || signal === constants.signals.SIGKILL) return;
  await parts.runtime.resume(id);
  parts.table.update(id, { status: "running" });
  publishEvent(parts, record, "unpause");
  parts.health.unpause(id);
}

/** Whether it resolved in time. */
async function within(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), Math.min(milliseconds, longestTimer));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
