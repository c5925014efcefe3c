import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cgroups } from "./cgroups.ts";

/** Whether the kernel has killed a process of this cgroup for want of memory. The count goes with the cgroup. */
export function countsOutOfMemory(cgroups: Cgroups, cgroupPath: string): boolean {
  const directory = cgroups.pathOf("memory", cgroupPath);
  if (directory === null) return false;
  return ["memory.events", "memory.oom_control"].some((file) => {
    const killed = /^oom_kill (\d+)$/m.exec(textOf(join(directory, file)))?.[1];
    return Number(killed ?? 0) > 0;
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
