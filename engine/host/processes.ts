import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/**
 * One process for certain: pids are used again, but not with the same start time in the same boot. `startTime` is in clock ticks
 * since boot, field 22 of /proc/<pid>/stat (proc_pid_stat(5)).
 */
export type ProcessIdentity = { readonly pid: number; readonly startTime: number; readonly bootID: string };

type ProcessStat = { readonly state: string; readonly startTime: number };

let knownBootID: string | null = null;

/** New at every boot of the host. */
export function readBootID(): string {
  knownBootID ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return knownBootID;
}

/** Null where there is no such process. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  const stat = readStat(pid);
  return stat === null ? null : { pid, startTime: stat.startTime, bootID: readBootID() };
}

/** True while exactly this process lives; a zombie is dead. */
export function isAlive(identity: ProcessIdentity): boolean {
  const stat = readStat(identity.pid);
  if (stat === null || identity.bootID !== readBootID() || stat.startTime !== identity.startTime) return false;
  return stat.state !== "Z" && stat.state !== "X";
}

/** True while there is any process with this pid that is no zombie. Asked of every container every few seconds: it leaves no garbage. */
export function isRunning(pid: number): boolean {
  const state = readState(pid);
  return state !== null && state !== zombie && state !== dead;
}

/** The same, zombies included: the cheapest look there is. */
export function hasProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Sends a signal to exactly this process. False where it is gone: then nothing was sent. */
export function signalProcess(identity: ProcessIdentity, signal: number): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** The name of a program may hold blanks and brackets: what follows the last bracket counts. */
export function parseStat(text: string): ProcessStat | null {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTime = Number(fields[19]);
  const state = fields[0];
  return state === undefined || !Number.isFinite(startTime) ? null : { state, startTime };
}

const [zombie, dead] = Buffer.from("ZX");
const bracket = ")".charCodeAt(0);
/** More than what stands before the state: a pid and a name. */
const head = Buffer.allocUnsafeSlow(128);

/** The letter of its state as a byte. */
function readState(pid: number): number | null {
  if (!Number.isInteger(pid) || pid <= 0) return null;
  try {
    const file = openSync(`/proc/${pid}/stat`, "r");
    try {
      const length = readSync(file, head, 0, head.length, 0);
      const end = head.subarray(0, length).lastIndexOf(bracket);
      return end === -1 ? null : (head[end + 2] ?? null);
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

function readStat(pid: number): ProcessStat | null {
  if (!Number.isInteger(pid) || pid <= 0) return null;
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return null;
  }
}

/** Whether a process has a handler for a signal (`SigCgt`, proc_pid_status(5)); null where there is no such process. */
export function catchesSignal(pid: number, signal: number): boolean | null {
  try {
    const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return mask === undefined ? null : ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return null;
  }
}
