import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cgroups } from "../host/cgroups.ts";
import type { Watched } from "./stats-sampler.ts";

export type InterfaceCounters = {
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receiveErrors: number;
  readonly receiveDrops: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sendErrors: number;
  readonly sendDrops: number;
};

/** What one block device did: `operation` in the kernel's own words. */
export type DeviceCount = {
  readonly major: number;
  readonly minor: number;
  readonly operation: string;
  readonly value: number;
};

/** All that the kernel counts for one container, as docker's clients are told. Bytes and nanoseconds. */
export type CgroupDetails = {
  /** Of the memory controller. */
  readonly version: 1 | 2;
  readonly cpu: {
    readonly total: number;
    readonly user: number;
    readonly system: number;
    /** v1 only. */
    readonly perProcessor: readonly number[] | null;
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledTime: number;
  };
  readonly memory: {
    readonly usage: number;
    /** v1 only. */
    readonly highestUsage: number | null;
    /** How often the limit was in the way: memory.failcnt, or `oom` of memory.events. */
    readonly failures: number | null;
    /** Infinity without one. */
    readonly limit: number;
    /** Of memory.stat, by its own names. */
    readonly stats: Readonly<Record<string, number>>;
  };
  readonly processes: { readonly current: number; readonly limit: number | null };
  /** By their names inside, without loopback. */
  readonly interfaces: Readonly<Record<string, InterfaceCounters>>;
  readonly blockBytes: readonly DeviceCount[];
  readonly blockOperations: readonly DeviceCount[];
};

/** Of /proc's times: USER_HZ is 100 on every machine that runs Linux here (proc(5)). */
const nanosecondsPerTick = 10_000_000;

/** A look at everything, where a pass of the sampler takes the sums only. Null where the container is gone. */
export function readCgroupDetails(cgroups: Cgroups, watched: Watched): CgroupDetails | null {
  const read = readerOf(cgroups, watched.cgroupPath);
  const cpu = readCpu(read);
  if (cpu === null) return null;
  return {
    version: cgroups.findHierarchy("memory")?.version === 2 ? 2 : 1,
    cpu,
    memory: readMemory(read),
    processes: {
      current: numberOf(read("pids", "pids.current")) ?? 0,
      limit: numberOf(read("pids", "pids.max")),
    },
    interfaces: watched.hasNetwork ? parseInterfaces(readOrNull(`/proc/${watched.pid}/net/dev`) ?? "") : {},
    ...readBlockIO(read),
  };
}

/** The text of a file of one controller, null where there is none. An empty controller is the cgroup2 hierarchy itself. */
type Read = (controller: string, file: string) => string | null;

function readerOf(cgroups: Cgroups, path: string): Read {
  return (controller, file) => {
    const hierarchy = controller === "" ? cgroups.findUnified() : cgroups.findHierarchy(controller);
    return hierarchy === null ? null : readOrNull(join(cgroups.directoryIn(hierarchy, path), file));
  };
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}

function readCpu(read: Read): CgroupDetails["cpu"] | null {
  const total = numberOf(read("cpuacct", "cpuacct.usage"));
  if (total === null) {
    const text = read("", "cpu.stat");
    if (text === null) return null;
    const unified = parseFields(text);
    const throttled = fieldsOf(read("cpu", "cpu.stat") ?? text);
    return {
      total: (unified.usage_usec ?? 0) * 1000,
      user: (unified.user_usec ?? 0) * 1000,
      system: (unified.system_usec ?? 0) * 1000,
      perProcessor: null,
      ...throttled,
    };
  }
  const times = parseFields(read("cpuacct", "cpuacct.stat") ?? "");
  return {
    total,
    user: (times.user ?? 0) * nanosecondsPerTick,
    system: (times.system ?? 0) * nanosecondsPerTick,
    perProcessor: (read("cpuacct", "cpuacct.usage_percpu") ?? "").trim().split(/\s+/).map(Number),
    ...fieldsOf(read("cpu", "cpu.stat") ?? ""),
  };
}

/** v1 counts throttled time in nanoseconds, v2 in microseconds. */
function fieldsOf(text: string) {
  const fields = parseFields(text);
  return {
    periods: fields.nr_periods ?? 0,
    throttledPeriods: fields.nr_throttled ?? 0,
    throttledTime: fields.throttled_time ?? (fields.throttled_usec ?? 0) * 1000,
  };
}

function readMemory(read: Read): CgroupDetails["memory"] {
  const stats = parseFields(read("memory", "memory.stat") ?? "");
  const current = numberOf(read("memory", "memory.current"));
  if (current !== null) {
    const limit = numberOf(read("memory", "memory.max")) ?? Number.POSITIVE_INFINITY;
    const { oom = null } = parseFields(read("memory", "memory.events") ?? "");
    return { usage: current, highestUsage: null, failures: oom, limit, stats };
  }
  return {
    usage: numberOf(read("memory", "memory.usage_in_bytes")) ?? 0,
    highestUsage: numberOf(read("memory", "memory.max_usage_in_bytes")) ?? 0,
    failures: numberOf(read("memory", "memory.failcnt")) ?? 0,
    limit: stats.hierarchical_memory_limit ?? Number.POSITIVE_INFINITY,
    stats,
  };
}

function readBlockIO(read: Read): Pick<CgroupDetails, "blockBytes" | "blockOperations"> {
  const unified = read("blkio", "io.stat") ?? read("io", "io.stat");
  if (unified !== null) {
    return {
      blockBytes: parseDeviceFields(unified, { rbytes: "read", wbytes: "write" }),
      blockOperations: parseDeviceFields(unified, { rios: "read", wios: "write" }),
    };
  }
  const first = (name: string) => read("blkio", `${name}_recursive`) ?? read("blkio", name) ?? "";
  return {
    blockBytes: parseDevices(first("blkio.throttle.io_service_bytes")),
    blockOperations: parseDevices(first("blkio.throttle.io_serviced")),
  };
}

/** `8:0 Read 4096` a line, and a total over all devices that is left out. */
export function parseDevices(text: string): DeviceCount[] {
  return [...text.matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map(([, major, minor, operation = "", value]) => ({
    major: Number(major),
    minor: Number(minor),
    operation,
    value: Number(value),
  }));
}

/** `8:0 rbytes=4096 wbytes=0 …` a line; `wanted` gives names to fields. */
export function parseDeviceFields(text: string, wanted: Readonly<Record<string, string>>): DeviceCount[] {
  return [...text.matchAll(/^(\d+):(\d+) (.*)$/gm)].flatMap(([, major, minor, rest = ""]) => {
    const fields = new Map(rest.split(" ").map((field) => field.split("=") as [string, string]));
    return Object.entries(wanted).map(([field, operation]) => ({
      major: Number(major),
      minor: Number(minor),
      operation,
      value: Number(fields.get(field) ?? 0),
    }));
  });
}

/** Of /proc/<pid>/net/dev. */
export function parseInterfaces(text: string): Record<string, InterfaceCounters> {
  const interfaces: Record<string, InterfaceCounters> = {};
  for (const line of text.split("\n")) {
    const [, name = "", rest = ""] = /^\s*(\S+):\s*(\d.*)$/.exec(line) ?? [];
    if (name === "" || name === "lo") continue;
    const counts = rest.trim().split(/\s+/).map(Number);
    const at = (index: number) => counts[index] ?? 0;
    interfaces[name] = {
      receivedBytes: at(0),
      receivedPackets: at(1),
      receiveErrors: at(2),
      receiveDrops: at(3),
      sentBytes: at(8),
      sentPackets: at(9),
      sendErrors: at(10),
      sendDrops: at(11),
    };
  }
  return interfaces;
}

/** `name number` a line. */
function parseFields(text: string): Record<string, number> {
  return Object.fromEntries([...text.matchAll(/^(\S+) (\d+)$/gm)].map(([, name = "", value]) => [name, Number(value)]));
}

/** Null for `max`, and where there is no file. */
function numberOf(text: string | null): number | null {
  const trimmed = text?.trim() ?? "";
  return /^\d+$/.test(trimmed) ? Number(trimmed) : null;
}
