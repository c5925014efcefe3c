import { writeFile } from "node:fs";
import { join } from "node:path";
import { type Cgroups, cgroupOf, type Hierarchy } from "./cgroups.ts";

/** Milliseconds: a turn that was taken less than this ago is still on its way. */
const fresh = 4;

/**
 * Moving a process into a cgroup takes the kernel's cgroup_threadgroup_rwsem, for which it waits for a grace period of RCU, about
 * 10 ms, unless somebody held it a moment ago (kernel/rcu/sync.c keeps it ready for as long again). A runtime does so in the middle
 * of its work; so who is about to start one moves this process to where it is already, which changes nothing but takes the lock,
 * while there is other work to do.
 */
export class CgroupTurn {
  readonly #cgroups: Cgroups;
  readonly #hierarchy: Hierarchy | null;
  #takenAt = 0;

  constructor(cgroups: Cgroups) {
    this.#cgroups = cgroups;
    // A named v1 hierarchy has no controller by which a process's place in it could be told.
    this.#hierarchy =
      cgroups.hierarchies.find(({ version, controllers }) => version === 2 || controllers.length > 0) ?? null;
  }

  /** Answers at once. Where it fails, the runtime waits for its turn itself, and nothing else. */
  prepare(): void {
    const now = performance.now();
    if (now - this.#takenAt < fresh) return;
    this.#takenAt = now;
    const path = this.#ownProcsFile();
    if (path !== null) writeFile(path, String(process.pid), () => {});
  }

  /** Looked up each time: a service manager may have moved us, and we must not move ourselves back. */
  #ownProcsFile(): string | null {
    const hierarchy = this.#hierarchy;
    if (hierarchy === null) return null;
    const own = cgroupOf(process.pid)?.get(hierarchy.version === 2 ? "" : (hierarchy.controllers[0] ?? ""));
    return own === undefined ? null : join(this.#cgroups.directoryIn(hierarchy, own), "cgroup.procs");
  }
}
