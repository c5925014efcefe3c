import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identifyProcess, type ProcessIdentity, signalProcess } from "../host/processes.ts";
import { isConmonOf } from "./supervisors.ts";

const sigkill = 9;

/**
 * Kills what runs in an exec session, with its process group, which the runtime makes for it (setsid(2)). `process` is who it was at the start,
 * since its number may be somebody else's by now.
 */
export function killSession(process: ProcessIdentity | null): void {
  if (process === null || !isSame(process)) return;
  const group = ownGroupOf(process.pid);
  try {
    globalThis.process.kill(group === null ? process.pid : -group, sigkill);
  } catch {
    // It has ended just now.
  }
}

/**
 * Ends a session that did not come to life in time: its conmon, the runtime program below it, and whatever that has brought into the
 * container already. `starter`: conmon's first process, null where that has forked away. conmon is a subreaper: nothing below it gets out of sight.
 */
export async function endUnborn(directory: string, execID: string, starter: number | null): Promise<void> {
  const conmon = conmonIn(directory, execID) ?? (starter === null ? null : identifyProcess(starter));
  if (conmon === null) return;
  // Killed from below: while its parent lives, a process that forks meanwhile is found in the next round.
  for (let round = 0; round < 50; round++) {
    const below = descendantsOf(conmon.pid);
    if (below.length === 0) break;
    for (const process of below) signalProcess(process, sigkill);
    await sleep(10);
  }
  signalProcess(conmon, sigkill);
}

function conmonIn(directory: string, execID: string): ProcessIdentity | null {
  try {
    const pid = Number(readFileSync(join(directory, "conmon.pid"), "latin1"));
    return pid > 1 && isConmonOf(pid, execID) ? identifyProcess(pid) : null;
  } catch {
    return null;
  }
}

function isSame(process: ProcessIdentity): boolean {
  return identifyProcess(process.pid)?.startTime === process.startTime;
}

/**
 * Its process group, fields 5 and 6 of proc_pid_stat(5). runc's process leads one. crun's is a child of the one that called setsid(2) and has
 * ended since: its group is the first of a session, and so nobody else's. Null where it has gone into another by itself.
 */
function ownGroupOf(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [, , group = 0, session = 0] = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    return group > 1 && (group === pid || group === session) ? group : null;
  } catch {
    return null;
  }
}

/** Living ones, from /proc/<pid>/task/<tid>/children (proc_tid_children(5)). */
function descendantsOf(pid: number): ProcessIdentity[] {
  return childrenOf(pid).flatMap((child) => {
    const process = identifyProcess(child);
    return [...descendantsOf(child), ...(process === null || isZombie(child) ? [] : [process])];
  });
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
    return text.split(" ").map(Number).filter(Boolean);
  } catch {
    return [];
  }
}

function isZombie(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return true;
  }
}
