import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism, release } from "node:os";
import { join } from "node:path";
import { readOwnCapabilities } from "../../host/capabilities.ts";
import { type Cgroups, openCgroups } from "../../host/cgroups.ts";
import type { HostFacts, LimitKind } from "./types.ts";

/** Names as getrlimit(2) has them, by the titles of /proc/<pid>/limits. */
const limitTitles: Readonly<Record<string, string>> = {
  "Max cpu time": "cpu",
  "Max file size": "fsize",
  "Max data size": "data",
  "Max stack size": "stack",
  "Max core file size": "core",
  "Max resident set": "rss",
  "Max processes": "nproc",
  "Max open files": "nofile",
  "Max locked memory": "memlock",
  "Max file locks": "locks",
  "Max pending signals": "sigpending",
  "Max msgqueue size": "msgqueue",
  "Max nice priority": "nice",
  "Max realtime priority": "rtprio",
  "Max realtime timeout": "rttime",
};

let known: HostFacts | null = null;

/** Looked up once: none of it changes while the engine lives. */
export function getHostFacts(): HostFacts {
  known ??= readHostFacts();
  return known;
}

function readHostFacts(): HostFacts {
  const cgroups = openCgroups();
  const controllers = new Set(cgroups.hierarchies.flatMap((hierarchy) => hierarchy.controllers));
  if (controllers.has("io")) controllers.add("blkio");
  return {
    architecture: process.arch,
    kernel: release(),
    cpus: availableParallelism(),
    capabilities: readOwnCapabilities(),
    cgroupNamespace: existsSync("/proc/self/ns/cgroup"),
    controllers,
    swapAccounting: countsSwap(cgroups.mode === "v2", cgroups.pathOf("memory", "/")),
    limits: limitsOf(cgroups),
    hardLimits: parseHardLimits(readFileSync("/proc/self/limits", "latin1")),
    oomScoreAdj: Number(readFileSync("/proc/self/oom_score_adj", "latin1")),
    networkSysctls:
      existsSync("/proc/sys/net/ipv4/ip_unprivileged_port_start") && existsSync("/proc/sys/net/ipv4/ping_group_range"),
    thermalThrottlePaths: thermalThrottlePaths(),
  };
}

/** Hard limits of a /proc/<pid>/limits text; null: unlimited. */
export function parseHardLimits(text: string): Map<string, number | null> {
  const limits = new Map<string, number | null>();
  for (const line of text.split("\n")) {
    const name = limitTitles[line.slice(0, 26).trim()];
    const hard = line.slice(26).trim().split(/\s+/)[1];
    if (name !== undefined && hard !== undefined) limits.set(name, hard === "unlimited" ? null : Number(hard));
  }
  return limits;
}

/** The files of limits that not every kernel has; v1's bfq has its weight in all cgroups but the root. */
function limitsOf(cgroups: Cgroups): Set<LimitKind> {
  const has = (controller: string, ...files: string[]) => {
    const hierarchy = cgroups.findHierarchy(controller);
    if (hierarchy === null) return false;
    if (hierarchy.version === 1) return files.some((file) => existsSync(join(hierarchy.mountPoint, file)));
    return filesOfChild(hierarchy.mountPoint, files);
  };
  const kinds: Readonly<Record<LimitKind, boolean>> = {
    swappiness: has("memory", "memory.swappiness"),
    "oom-kill-disable": has("memory", "memory.oom_control"),
    "cpu-realtime": has("cpu", "cpu.rt_runtime_us"),
    "blkio-weight": has("blkio", "blkio.weight", "blkio.bfq.io_service_bytes", "io.weight", "io.bfq.weight"),
    "blkio-throttle": has("blkio", "blkio.throttle.read_bps_device", "io.max"),
  };
  return new Set((Object.keys(kinds) as LimitKind[]).filter((kind) => kinds[kind]));
}

/** v2's root cgroup has none of a limit's files: any child that has been given the controller does. */
function filesOfChild(root: string, files: readonly string[]): boolean {
  const [controller = ""] = (files.at(-1) ?? "").split(".");
  const children = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const measured = children.filter(({ name }) =>
    readdirSync(join(root, name)).some((file) => file.startsWith(`${controller}.`)),
  );
  return measured.length === 0 || measured.some(({ name }) => files.some((file) => existsSync(join(root, name, file))));
}

/** v2's root cgroup has no memory files: any child has. */
function countsSwap(isUnified: boolean, memory: string | null): boolean {
  if (memory === null) return false;
  if (!isUnified) return existsSync(join(memory, "memory.memsw.limit_in_bytes"));
  const children = readdirSync(memory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const measured = children.find((entry) => existsSync(join(memory, entry.name, "memory.max")));
  return measured === undefined || existsSync(join(memory, measured.name, "memory.swap.max"));
}

/** Masked: an observer of these sees what other tenants of the processor do. */
function thermalThrottlePaths(): string[] {
  try {
    return readdirSync("/sys/devices/system/cpu")
      .filter((name) => /^cpu\d+$/.test(name))
      .map((name) => `/sys/devices/system/cpu/${name}/thermal_throttle`)
      .filter((path) => existsSync(path));
  } catch {
    return [];
  }
}
