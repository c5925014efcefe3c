import { readFileSync, writeFileSync } from "node:fs";
import { identifyProcess, type ProcessIdentity } from "./processes.ts";

/** Says that this process is the one: its pid, and its start time, which tells a pid that was given out again. Readable by all. */
export function writePidFile(path: string): void {
  writeFileSync(path, `${process.pid} ${identifyProcess(process.pid)?.startTime}\n`, { mode: 0o644 });
}

/** The process that wrote the file, or null where it is gone, its pid is somebody else's by now, or there is no such file. */
export function findByPidFile(path: string): ProcessIdentity | null {
  try {
    const [pid = 0, startTime] = readFileSync(path, "latin1").trim().split(" ").map(Number);
    const identity = pid < 2 ? null : identifyProcess(pid);
    return identity?.startTime === startTime ? identity : null;
  } catch {
    return null;
  }
}
