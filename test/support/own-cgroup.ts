import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Cgroups } from "../../engine/host/cgroups.ts";

const controllers = ["cpu", "cpuacct", "memory", "pids", "blkio"];

/** Makes a cgroup with these controllers, as runc does, in whatever hierarchies the host has. The caller removes it. */
export function makeCgroup(cgroups: Cgroups, cgroupPath: string): string[] {
  const directories = controllers.flatMap((controller) => cgroups.pathOf(controller, cgroupPath) ?? []);
  const unified = cgroups.mode === "v2" ? cgroups.findUnified() : null;
  for (const directory of new Set(directories)) {
    if (unified !== null) enableAbove(unified.mountPoint, dirname(directory));
    mkdirSync(directory, { recursive: true });
  }
  return [...new Set(directories)];
}

/** v2 gives a cgroup only the controllers that every cgroup above it hands down. */
function enableAbove(root: string, directory: string): void {
  if (directory !== root) {
    enableAbove(root, dirname(directory));
    mkdirSync(directory, { recursive: true });
  }
  writeFileSync(join(directory, "cgroup.subtree_control"), "+cpu +memory +pids +io");
}

/** Moves a process into it. */
export function joinCgroup(directories: readonly string[], pid: number): void {
  for (const directory of directories) writeFileSync(join(directory, "cgroup.procs"), String(pid));
}
