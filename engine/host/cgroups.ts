import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, messageOf } from "../errors.ts";

/**
 * v2: one hierarchy for all. v1: one a controller, or a few joined. hybrid: v1 hierarchies and a cgroup2 one beside them, which may
 * hold no controller at all (systemd's way) or those that v1 left over.
 */
export type CgroupMode = "v1" | "v2" | "hybrid";

export type Hierarchy = {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Which cgroup the mount point shows: `/`, or in a container the cgroup of that container. */
  readonly mountRoot: string;
  /** In the words of its own version: v1 says `blkio`, v2 says `io`. Empty for a named v1 hierarchy (systemd's). */
  readonly controllers: readonly string[];
};

/** What gantry needs of a host, for the doctor. */
export type ControllerFact = {
  readonly controller: string;
  readonly status: "ready" | "not-mounted" | "not-in-kernel";
  /** What does not work without it, for people. */
  readonly consequence: string;
};

/** v1 names; v2 knows `io` for blkio and does the last three without a controller. */
const needed = [
  { v1: "cpu", v2: "cpu", consequence: "--cpus and --cpu-shares have no effect" },
  { v1: "cpuacct", v2: null, consequence: "CPU figures are missing" },
  { v1: "cpuset", v2: "cpuset", consequence: "--cpuset-cpus has no effect" },
  { v1: "memory", v2: "memory", consequence: "--memory has no effect and memory figures are missing" },
  { v1: "pids", v2: "pids", consequence: "--pids-limit has no effect: a fork bomb reaches the host" },
  { v1: "blkio", v2: "io", consequence: "block IO figures are missing" },
  { v1: "devices", v2: null, consequence: "containers are not kept from the host's devices" },
  { v1: "freezer", v2: null, consequence: "containers cannot be paused" },
] as const;

/** The host's cgroup hierarchies as they are mounted. Only looks: the product never mounts, moves or enables a controller. */
export class Cgroups {
  readonly mode: CgroupMode;
  readonly hierarchies: readonly Hierarchy[];
  readonly #kernelControllers: ReadonlySet<string>;

  constructor(hierarchies: readonly Hierarchy[], kernelControllers: ReadonlySet<string>) {
    this.hierarchies = hierarchies;
    this.#kernelControllers = kernelControllers;
    const hasV1 = hierarchies.some((hierarchy) => hierarchy.version === 1);
    const hasV2 = hierarchies.some((hierarchy) => hierarchy.version === 2);
    this.mode = hasV1 ? (hasV2 ? "hybrid" : "v1") : "v2";
  }

  /** The hierarchy with a controller, by its v1 or v2 name, or null. */
  findHierarchy(controller: string): Hierarchy | null {
    const other = controller === "blkio" ? "io" : controller === "io" ? "blkio" : controller;
    return (
      this.hierarchies.find(({ controllers }) => controllers.includes(controller) || controllers.includes(other)) ??
      null
    );
  }

  /** The cgroup2 hierarchy, or null. It counts CPU time (`cpu.stat`) even where it holds no controller. */
  findUnified(): Hierarchy | null {
    return this.hierarchies.find((hierarchy) => hierarchy.version === 2) ?? null;
  }

  /** Directory of a cgroup in the hierarchy of a controller, or null where nobody has that controller. */
  pathOf(controller: string, cgroupPath: string): string | null {
    const hierarchy = this.findHierarchy(controller);
    return hierarchy === null ? null : directoryOf(hierarchy, cgroupPath);
  }

  /** Directory of a cgroup in one hierarchy; a mount that shows only a part of it is taken into account. */
  directoryIn(hierarchy: Hierarchy, cgroupPath: string): string {
    return directoryOf(hierarchy, cgroupPath);
  }

  /** Every directory this cgroup may have, one a hierarchy. Fails with `invalid-argument` for the root or a path with `..`. */
  directoriesOf(cgroupPath: string): string[] {
    const segments = cgroupPath.split("/").filter((segment) => segment !== "");
    if (segments.length === 0 || segments.some((segment) => segment === "." || segment === "..")) {
      throw new EngineError("invalid-argument", `cgroup path ${JSON.stringify(cgroupPath)} names no cgroup of its own`);
    }
    return [...new Set(this.hierarchies.map((hierarchy) => directoryOf(hierarchy, segments.join("/"))))];
  }

  /** v1: `FREEZING` counts as well, its processes stand still one by one. False where there is no such cgroup. */
  isFrozen(cgroupPath: string): boolean {
    const freezer = this.pathOf("freezer", cgroupPath);
    const unified = this.findUnified();
    const [file, frozen] =
      freezer !== null
        ? [join(freezer, "freezer.state"), /^FR/]
        : [unified === null ? "" : join(directoryOf(unified, cgroupPath), "cgroup.freeze"), /^1/];
    try {
      return frozen.test(readFileSync(file, "latin1"));
    } catch {
      return false;
    }
  }

  facts(): ControllerFact[] {
    return needed.flatMap(({ v1, v2, consequence }): ControllerFact[] => {
      const controller = this.mode === "v2" ? v2 : v1;
      if (controller === null) return [];
      if (this.findHierarchy(controller) !== null) return [{ controller, status: "ready", consequence: "" }];
      if (v1 === "cpuacct" && this.findUnified() !== null) return [];
      const known = this.#kernelControllers.has(v1);
      return [{ controller, status: known ? "not-mounted" : "not-in-kernel", consequence }];
    });
  }

  /** Names of the cgroups right below one, over all hierarchies: what an engine that crashed may have left. */
  async childrenOf(cgroupPath: string): Promise<string[]> {
    const names = new Set<string>();
    for (const directory of this.directoriesOf(cgroupPath)) {
      const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) if (entry.isDirectory()) names.add(entry.name);
    }
    return [...names];
  }

  /** Pids in a cgroup and below it, over all hierarchies. Empty where it is gone. */
  async processesIn(cgroupPath: string): Promise<number[]> {
    const pids = new Set<number>();
    for (const root of this.directoriesOf(cgroupPath)) {
      for (const directory of await treeOf(root)) {
        const text = await readFile(join(directory, "cgroup.procs"), "latin1").catch(() => "");
        // 0 is a process that our pid namespace cannot see.
        for (const line of text.split("\n")) if (Number(line) > 0) pids.add(Number(line));
      }
    }
    return [...pids];
  }

  /** Removes a cgroup that is empty from all hierarchies side by side. False where something is in one of them; a success if it is gone. */
  async tryRemove(cgroupPath: string): Promise<boolean> {
    const roots = this.directoriesOf(cgroupPath).filter((root) => existsSync(root));
    const removed = await Promise.all(
      roots.map((root) =>
        rmdir(root).then(
          () => true,
          (error: NodeJS.ErrnoException) => error.code === "ENOENT",
        ),
      ),
    );
    return removed.every((isGone) => isGone);
  }

  /**
   * Removes a cgroup and those below it from all hierarchies, deepest first; a success if it is gone. Kills nobody: fails with
   * `failed-precondition` while processes are in it for longer than `timeout` milliseconds (a killed one takes a moment to leave).
   */
  async remove(cgroupPath: string, timeout = 1000): Promise<void> {
    const deadline = Date.now() + timeout;
    // Looking is cheaper than trying: mostly the runtime has removed it.
    const roots = this.directoriesOf(cgroupPath).filter((root) => existsSync(root));
    for (const root of roots) {
      while (!(await removeTree(root))) {
        if (Date.now() > deadline) {
          throw new EngineError("failed-precondition", `cgroup ${cgroupPath} still has processes or is in use`);
        }
        await sleep(10);
      }
    }
  }
}

/** Reads what is mounted now. Fails with `failed-precondition` on a host without any cgroup mount. */
export function openCgroups(proc = "/proc"): Cgroups {
  const mounts = parseCgroupMounts(readFileSync(join(proc, "self/mountinfo"), "utf8"));
  const hierarchies = mounts.map((mount) =>
    mount.version === 1 ? mount : { ...mount, controllers: unifiedControllers(mount.mountPoint) },
  );
  if (hierarchies.length === 0) {
    throw new EngineError("failed-precondition", "no cgroup hierarchy is mounted on this host", {
      hint: "mount one with: mount -t cgroup2 none /sys/fs/cgroup",
    });
  }
  return new Cgroups(hierarchies, kernelControllers(proc));
}

/**
 * cgroup mounts of a mountinfo text (proc_pid_mountinfo(5)). v2's controllers are not in there: they come out empty. A hierarchy
 * that is mounted twice is listed once, where it was mounted first.
 */
export function parseCgroupMounts(mountinfo: string): Hierarchy[] {
  const hierarchies = new Map<string, Hierarchy>();
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    const [, , device, mountRoot, mountPoint] = (before ?? "").split(" ");
    const [type, , superOptions] = (after ?? "").split(" ");
    if (device === undefined || mountRoot === undefined || mountPoint === undefined) continue;
    if ((type !== "cgroup" && type !== "cgroup2") || hierarchies.has(device)) continue;
    const controllers = type === "cgroup" ? controllersIn(superOptions ?? "") : [];
    hierarchies.set(device, {
      version: type === "cgroup" ? 1 : 2,
      mountPoint: unescapeOctal(mountPoint),
      mountRoot: unescapeOctal(mountRoot),
      controllers,
    });
  }
  return [...hierarchies.values()];
}

/** /proc/<pid>/cgroup: path by controller; `name=…` for named v1 hierarchies, the empty string for v2. */
export function parseProcCgroup(text: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    for (const controller of (match[1] ?? "").split(",")) paths.set(controller, match[2] ?? "/");
  }
  return paths;
}

/**
 * Where the kernel says a process is, by controller (see parseProcCgroup), or null if there is no such process. A hybrid host gives
 * different paths for different controllers.
 */
export function cgroupOf(pid: number, proc = "/proc"): ReadonlyMap<string, string> | null {
  try {
    return parseProcCgroup(readFileSync(join(proc, String(pid), "cgroup"), "utf8"));
  } catch {
    return null;
  }
}

function directoryOf(hierarchy: Hierarchy, cgroupPath: string): string {
  const path = cgroupPath.startsWith("/") ? cgroupPath : `/${cgroupPath}`;
  const root = hierarchy.mountRoot;
  const inside = root !== "/" && (path === root || path.startsWith(`${root}/`)) ? path.slice(root.length) : path;
  return join(hierarchy.mountPoint, inside);
}

/** Super block options hold the controllers among flags such as `rw`, `xattr`, `clone_children`, `name=…`. */
function controllersIn(options: string): string[] {
  const flags = new Set(["rw", "ro", "xattr", "clone_children", "cpuset_v2_mode", "noprefix", "none", "seclabel"]);
  return options.split(",").filter((option) => option !== "" && !flags.has(option) && !option.includes("="));
}

function unifiedControllers(mountPoint: string): string[] {
  try {
    return readFileSync(join(mountPoint, "cgroup.controllers"), "utf8").trim().split(" ").filter(Boolean);
  } catch {
    return [];
  }
}

/** /proc/cgroups is missing where the kernel was built without v1 support: then only what is mounted is known. */
function kernelControllers(proc: string): Set<string> {
  try {
    const rows = readFileSync(join(proc, "cgroups"), "utf8").split("\n").slice(1);
    return new Set(rows.filter((row) => row.endsWith("\t1")).map((row) => row.split("\t")[0] ?? ""));
  } catch {
    return new Set();
  }
}

/** mountinfo writes space, tab, newline and backslash as \040 and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** A directory and all below it, deepest first; empty if it is gone. Symbolic links are not followed. */
async function treeOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => null);
  if (entries === null) return [];
  const below = entries.filter((entry) => entry.isDirectory()).map((entry) => treeOf(join(root, entry.name)));
  return [...(await Promise.all(below)).flat(), root];
}

/** False where a cgroup of the tree is busy, or one was made beneath while we removed. */
async function removeTree(root: string): Promise<boolean> {
  for (const directory of await treeOf(root)) {
    try {
      await rmdir(directory);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EBUSY" || code === "ENOTEMPTY") return false;
      if (code === "ENOENT") continue;
      throw new EngineError("internal", `remove cgroup ${directory}: ${messageOf(error)}`, { cause: error });
    }
  }
  return true;
}
