import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { identifyProcess, isAlive as isProcessAlive, type ProcessIdentity, signalProcess } from "../host/processes.ts";
import { parseSignal } from "../host/signals.ts";
import { isAlive } from "./container-status.ts";
import type { ContainerParts } from "./parts.ts";
import { defaultTimeout } from "./stop-container.ts";

/** A container that runs, with what it takes to end it after the engine has let go of it. `timeout` in milliseconds. */
export type Leaving = { readonly process: ProcessIdentity; readonly signal: number; readonly timeout: number };

/** systemd gives the engine 90 s to end. */
const longestTimeout = 60_000;
const interval = 50;
/** After SIGKILL, in milliseconds. */
const lastPatience = 5_000;

/** All that run; frozen ones are thawed, since a frozen process hears no signal. */
export async function listLeaving(parts: ContainerParts): Promise<Leaving[]> {
  const living = parts.table.all().filter(({ state }) => isAlive(state.status));
  const paused = living.filter(({ state }) => state.status === "paused");
  await Promise.all(paused.map(({ id }) => parts.runtime.resume(id).catch(() => {})));
  return living.flatMap(({ request, resolution, state }) => {
    const process = state.pid === null ? null : identifyProcess(state.pid);
    if (process === null) return [];
    const seconds = request.stopTimeout ?? defaultTimeout;
    const timeout = seconds < 0 ? longestTimeout : Math.min(seconds * 1000, longestTimeout);
    return [{ process, signal: parseSignal(resolution.stopSignal), timeout }];
  });
}

/**
 * Ends containers as a stop would, all at once, where the host goes down: its init knows nothing of stop signals, and waits long for who
 * does not hear its own. Without a word in the records: for these they run, so the next boot brings them back.
 */
export async function endWithHost(leaving: readonly Leaving[]): Promise<void> {
  await Promise.all(leaving.map(endOne));
}

async function endOne({ process, signal, timeout }: Leaving): Promise<void> {
  signalProcess(process, signal);
  if (await isGoneWithin(process, timeout)) return;
  signalProcess(process, constants.signals.SIGKILL);
  await isGoneWithin(process, lastPatience);
}

async function isGoneWithin(process: ProcessIdentity, milliseconds: number): Promise<boolean> {
  for (const end = Date.now() + milliseconds; isProcessAlive(process); await sleep(interval)) {
    if (Date.now() >= end) return false;
  }
  return true;
}
