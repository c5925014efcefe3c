import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cgroups, cgroupOf, type Hierarchy } from "../host/cgroups.ts";
import { countsOutOfMemory } from "../host/oom-count.ts";
import { identifyProcess, isAlive } from "../host/processes.ts";

/**
 * What conmon leaves for each container under `<run>/supervisors/<id>/`:
 *
 *     conmon.pid     conmon's own
 *     container.pid  the container's first process
 *     conmon.log     what conmon complained of
 *     oom            empty; an out-of-memory kill was seen
 *
 * The engine itself writes before any process is there, and only where a container's cgroup has an unusual place (`cgroup`), so nothing is
 * lost when it dies between two steps.
 */
export class Supervisors {
  readonly #directory: string;
  readonly #cgroupParent: string;
  readonly #cgroups: Cgroups;
  readonly #cgroupPaths = new Map<string, string>();

  constructor(run: string, cgroupParent: string, cgroups: Cgroups) {
    this.#directory = join(run, "supervisors");
    this.#cgroupParent = cgroupParent;
    this.#cgroups = cgroups;
  }

  directoryOf(id: string): string {
    return join(this.#directory, id);
  }

  cgroupPathOf(id: string): string {
    const known = this.#cgroupPaths.get(id);
    if (known !== undefined) return known;
    const path = textOf(join(this.directoryOf(id), "cgroup")) || `/${this.#cgroupParent}/${id}`;
    this.#cgroupPaths.set(id, path);
    return path;
  }

  /** Below the engine's own parent. */
  isUsual(cgroupPath: string): boolean {
    return cgroupPath.startsWith(`/${this.#cgroupParent}/`);
  }

  list(): string[] {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    return readdirSync(this.#directory);
  }

  /** A fresh directory for a container about to be created. */
  async prepare(id: string, cgroupPath?: string): Promise<string> {
    this.remove(id);
    await mkdir(this.directoryOf(id), { recursive: true, mode: 0o700 });
    this.#cgroupPaths.set(id, cgroupPath ?? `/${this.#cgroupParent}/${id}`);
    if (cgroupPath !== undefined) await writeFile(join(this.directoryOf(id), "cgroup"), cgroupPath);
    return this.directoryOf(id);
  }

  /** At once: a later removal could hit the directory of the next start. */
  remove(id: string): void {
    this.#cgroupPaths.delete(id);
    rmSync(this.directoryOf(id), { recursive: true, force: true });
  }

  /** Null unless exactly the conmon of this container lives: a pid may be somebody else's by now. */
  findConmon(id: string): number | null {
    const pid = this.#readPid(id, "conmon.pid");
    return pid !== null && isConmonOf(pid, id) ? pid : null;
  }

  /** Null unless the container's first process lives. */
  findProcess(id: string): number | null {
    const pid = this.#readPid(id, "container.pid");
    if (pid === null) return null;
    const paths = [...(cgroupOf(pid)?.values() ?? [])];
    const own = this.cgroupPathOf(id);
    return paths.some((path) => path === own || path.startsWith(`${own}/`)) ? pid : null;
  }

  /** The bundle of a container whose process has ended while conmon still has to say so; else null. */
  findLingering(id: string): string | null {
    const conmon = this.findConmon(id);
    if (conmon === null) return null;
    const pid = this.#readPid(id, "container.pid");
    const process = pid === null ? null : identifyProcess(pid);
    if (pid === null || (process !== null && isAlive(process))) return null;
    const args = textOf(`/proc/${conmon}/cmdline`).split("\0");
    return args[args.indexOf("-b") + 1] ?? null;
  }

  /** What conmon saw, or what the kernel counted: conmon may learn of the exit first. */
  wasOutOfMemory(id: string): boolean {
    if (existsSync(join(this.directoryOf(id), "oom"))) return true;
    const wasCounted = countsOutOfMemory(this.#cgroups, this.cgroupPathOf(id));
    // The count goes with the cgroup.
    if (wasCounted && existsSync(this.directoryOf(id))) writeFileSync(join(this.directoryOf(id), "oom"), "");
    return wasCounted;
  }

  /** Waits for conmon to have written its last words, and ends it where it hangs. */
  async awaitConmonGone(id: string, timeout: number): Promise<void> {
    for (const deadline = Date.now() + timeout; Date.now() < deadline; await sleep(1)) {
      if (this.findConmon(id) === null) return;
    }
    const pid = this.findConmon(id);
    if (pid !== null) process.kill(pid, "SIGKILL");
  }

  /**
   * Moves a conmon out of the cgroups the engine is in, so that a service manager that kills the engine's cgroup spares it. Best
   * effort: a container runs without it, too.
   */
  async leaveEngineCgroup(pid: number): Promise<void> {
    const paths = cgroupOf(pid);
    const own = `/${this.#cgroupParent}/conmon`;
    const moves = this.#cgroups.hierarchies.map(async (hierarchy) => {
      // A fresh v1 cpuset takes no process before it was given processors.
      const isCpuset = hierarchy.version === 1 && hierarchy.controllers.includes("cpuset");
      if (isCpuset || paths === null || pathIn(hierarchy, paths) === "/") return;
      const directory = join(hierarchy.mountPoint, own);
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, "cgroup.procs"), String(pid));
    });
    await Promise.allSettled(moves);
  }

  /** Takes away the cgroups that are empty now. */
  async removeEmptyCgroups(): Promise<void> {
    await this.#cgroups.remove(`/${this.#cgroupParent}/conmon`, 0).catch(() => {});
    const inUse = await this.#cgroups.childrenOf(`/${this.#cgroupParent}`);
    if (inUse.length === 0) await this.#cgroups.remove(`/${this.#cgroupParent}`, 0).catch(() => {});
  }

  #readPid(id: string, file: string): number | null {
    const pid = Number(textOf(join(this.directoryOf(id), file)));
    return Number.isInteger(pid) && pid > 1 ? pid : null;
  }
}

/** By its command line: `conmon … -u <id>`. A zombie has none. */
export function isConmonOf(pid: number, id: string): boolean {
  const args = textOf(`/proc/${pid}/cmdline`).split("\0");
  return (args[0] ?? "").endsWith("conmon") && args[args.indexOf("-u") + 1] === id;
}

/** A v1 hierarchy without controllers is a service manager's, and goes by a name. */
function pathIn({ version, controllers }: Hierarchy, paths: ReadonlyMap<string, string>): string {
  const named = [...paths.keys()].find((key) => key.startsWith("name="));
  return paths.get(version === 2 ? "" : (controllers[0] ?? named ?? "")) ?? "/";
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
