import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../../errors.ts";
import type { Cgroups } from "../../host/cgroups.ts";

/** Milliseconds: a process in the middle of a disk's work takes its time to go. */
const patience = 10_000;

/** Kills all that is in a cgroup, frozen or not, and removes it. A success if it is gone. Fails with `failed-precondition` where something stays. */
export async function endCgroup(cgroups: Cgroups, cgroupPath: string): Promise<void> {
  if (await cgroups.tryRemove(cgroupPath)) return;
  await thaw(cgroups, cgroupPath);
  for (const deadline = Date.now() + patience; ; await sleep(2)) {
    for (const pid of await cgroups.processesIn(cgroupPath)) kill(pid);
    const isGone = await cgroups.remove(cgroupPath, 0).then(
      () => true,
      (error: unknown) => {
        if (error instanceof EngineError && error.code === "failed-precondition" && Date.now() < deadline) return false;
        throw error;
      },
    );
    if (isGone) return;
  }
}

/** A process that v1's freezer has frozen does not even take SIGKILL. */
async function thaw(cgroups: Cgroups, cgroupPath: string): Promise<void> {
  const freezer = cgroups.pathOf("freezer", cgroupPath);
  if (freezer !== null) await writeFile(join(freezer, "freezer.state"), "THAWED").catch(() => {});
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
