import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineConfig } from "../config.ts";
import { tryLock } from "../database/file-lock.ts";
import { EngineError } from "../errors.ts";

/**
 * Makes this process the only engine of its run directory and of its root, and says so in the pid file: the pid, and its start time
 * in clock ticks (field 22 of proc_pid_stat(5)), which tells a pid that was given out again. Fails with `already-exists`.
 */
export function lockEngine(config: EngineConfig): Disposable {
  const held = new DisposableStack();
  try {
    for (const directory of [config.run, config.root]) {
      const lock = tryLock(join(directory, "engine.lock"));
      if (lock === null) throw alreadyRuns(config, directory);
      held.use(lock);
    }
    writeFileSync(config.pidFile, `${process.pid} ${startTimeOf(process.pid)}\n`, { mode: 0o644 });
    held.defer(() => rmSync(config.pidFile, { force: true }));
    return held;
  } catch (error) {
    held.dispose();
    throw error;
  }
}

function alreadyRuns(config: EngineConfig, directory: string): EngineError {
  const pid = readPid(config.pidFile);
  return new EngineError("already-exists", `another engine${pid === null ? "" : ` (pid ${pid})`} has ${directory}`, {
    hint: "one engine a directory: use it, stop it with `gantry engine stop`, or give another --root and --run",
  });
}

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, "latin1"), 10);
    return Number.isNaN(pid) ? null : pid;
  } catch {
    return null;
  }
}

function startTimeOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field, the program's name, may hold blanks and parentheses.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
}
