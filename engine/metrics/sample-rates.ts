import type { StatsSample } from "../protocol/stats.ts";
import type { Counters } from "./cgroup-counters.ts";

/** Counters with when they were read: milliseconds of the monotonic clock, which no clock step bends. */
export type Reading = {
  /** The processor time. */
  readonly at: number;
  /** Traffic and disk: earlier, where nothing of the container has run since. */
  readonly flowsAt: number;
  readonly counters: Counters;
};

/** Counters of what the kernel may move without any of the container's processes. */
type Flow = "receivedBytes" | "sentBytes" | "readBytes" | "writtenBytes";

export type HostSize = { readonly cpus: number; readonly memory: number };

export type SampleOf = {
  readonly container: string;
  readonly nanoCpus: number | null;
  readonly host: HostSize;
  /** Milliseconds since the epoch. */
  readonly time: number;
};

/** A sample from two readings; rates are null without the earlier one, or where a counter went backwards (a restart). */
export function createSample(of: SampleOf, now: Reading, before: Reading | null): StatsSample {
  const { counters } = now;
  const rate = (name: Flow) => rateOf(name, "flowsAt", { now, before });
  const cores = coresOf(of, counters);
  const nanosecondsPerSecond = rateOf("cpuTotal", "at", { now, before });
  const percent = nanosecondsPerSecond === null ? null : nanosecondsPerSecond / 1e7;
  const limited = counters.memoryLimit < of.host.memory;
  return {
    container: of.container,
    time: of.time,
    cpu: {
      percent,
      percentOfLimit: percent === null ? null : percent / cores,
      total: counters.cpuTotal,
      throttledPercent: throttledPercent(counters, before?.counters ?? null),
      cores,
    },
    memory: {
      used: Math.max(0, counters.memoryUsage - counters.inactiveFile),
      cache: counters.cache,
      limit: limited ? counters.memoryLimit : of.host.memory,
      limited,
      oomKills: counters.oomKills,
    },
    network: {
      receivedBytes: counters.receivedBytes,
      sentBytes: counters.sentBytes,
      receiveRate: rate("receivedBytes"),
      sendRate: rate("sentBytes"),
    },
    blockIO: {
      readBytes: counters.readBytes,
      writtenBytes: counters.writtenBytes,
      readRate: rate("readBytes"),
      writeRate: rate("writtenBytes"),
    },
    pids: counters.pids,
    pidsLimit: counters.pidsLimit,
  };
}

/** The quota, the cpuset and the host: the smallest counts. */
function coresOf({ nanoCpus, host }: SampleOf, { cpusetSize }: Counters): number {
  const allowed = cpusetSize > 0 ? Math.min(cpusetSize, host.cpus) : host.cpus;
  return nanoCpus === null || nanoCpus <= 0 ? allowed : Math.min(nanoCpus / 1e9, allowed);
}

/** A second's worth of one counter, or null; 0 where it was not read again. */
function rateOf(
  name: "cpuTotal" | Flow,
  clock: "at" | "flowsAt",
  { now, before }: { readonly now: Reading; readonly before: Reading | null },
): number | null {
  if (before === null || now.at <= before.at) return null;
  const difference = now.counters[name] - before.counters[name];
  if (difference < 0) return null;
  return difference === 0 ? 0 : (difference * 1000) / (now[clock] - before[clock]);
}

/** A container without a quota has no periods and is never held back. */
function throttledPercent(now: Counters, before: Counters | null): number | null {
  if (before === null) return null;
  const periods = now.periods - before.periods;
  const throttled = now.throttledPeriods - before.throttledPeriods;
  if (periods < 0 || throttled < 0) return null;
  return periods === 0 ? 0 : Math.min(100, (100 * throttled) / periods);
}
