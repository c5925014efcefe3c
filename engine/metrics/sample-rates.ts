import type { StatsSample } from "../protocol/stats.ts";
import type { Counters } from "./cgroup-counters.ts";

/** Counters with when they were read: milliseconds of the monotonic clock, which no clock step bends. */
export type Reading = { readonly at: number; readonly counters: Counters };

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
  const rate = (name: keyof Counters) => rateOf(name, now, before);
  const cores = coresOf(of, counters);
  const nanosecondsPerSecond = rate("cpuTotal");
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

/** A second's worth of one counter, or null. */
function rateOf(name: keyof Counters, now: Reading, before: Reading | null): number | null {
  if (before === null || now.at <= before.at) return null;
  const difference = (now.counters[name] ?? 0) - (before.counters[name] ?? 0);
  return difference < 0 ? null : (difference * 1000) / (now.at - before.at);
}

/** A container without a quota has no periods and is never held back. */
function throttledPercent(now: Counters, before: Counters | null): number | null {
  if (before === null) return null;
  const periods = now.periods - before.periods;
  const throttled = now.throttledPeriods - before.throttledPeriods;
  if (periods < 0 || throttled < 0) return null;
  return periods === 0 ? 0 : Math.min(100, (100 * throttled) / periods);
}
