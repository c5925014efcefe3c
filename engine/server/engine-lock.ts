import { rmSync } from "node:fs";
import { join } from "node:path";
import type { EngineConfig } from "../config.ts";
import { tryLock } from "../database/file-lock.ts";
import { EngineError } from "../errors.ts";
import { findByPidFile, writePidFile } from "../host/pid-file.ts";

/**
 * Makes this process the only engine of its run directory and of its root, and says so in the pid file. Fails with
 * `already-exists`.
 */
export function lockEngine(config: EngineConfig): Disposable {
  const held = new DisposableStack();
  try {
    for (const directory of [config.run, config.root]) {
      const lock = tryLock(join(directory, "engine.lock"));
      if (lock === null) throw alreadyRuns(config, directory);
      held.use(lock);
    }
    writePidFile(config.pidFile);
    held.defer(() => rmSync(config.pidFile, { force: true }));
    return held;
  } catch (error) {
    held.dispose();
    throw error;
  }
}

function alreadyRuns(config: EngineConfig, directory: string): EngineError {
  const other = findByPidFile(config.pidFile);
  const pid = other === null ? "" : ` (pid ${other.pid})`;
  return new EngineError("already-exists", `another engine${pid} has ${directory}`, {
    hint: "one engine a directory: use it, stop it with `gantry engine stop`, or give another --root and --run",
  });
}
