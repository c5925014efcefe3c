import { availableParallelism, totalmem, uptime } from "node:os";
import type { CgroupDetails, DeviceCount, InterfaceCounters } from "../metrics/cgroup-details.ts";
import type { StatsDetails } from "../metrics/stats-sampler.ts";

/** docker's word for a time that has not come. */
const never = "0001-01-01T00:00:00Z";
/** docker's clients compare the processor time of a container with that of all processors, at rest or not, since the host's start. */
const bootedAt = Date.now() - uptime() * 1000;

type Named = { readonly id: string; readonly name: string };

/** One line of docker's stats (Engine API, ContainerStatsResponse); null: it does not run. `before`: what the line before was made of. */
export function toDockerStats({ id, name }: Named, details: StatsDetails | null, before: StatsDetails | null) {
  const identity = { id, name: `/${name}` };
  if (details === null) return { ...identity, ...emptyStats() };
  const { time, counters } = details;
  return {
    ...identity,
    read: new Date(time).toISOString(),
    ...precpu(details, before),
    pids_stats: { current: counters.processes.current, ...limitOf(counters) },
    blkio_stats: blockStats(counters),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuStats(counters.cpu, time),
    memory_stats: memoryStats(counters),
    ...networksOf(counters),
  };
}

function emptyStats() {
  const cpu = {
    cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
  return {
    read: never,
    preread: never,
    pids_stats: {},
    blkio_stats: blockStats({ version: 2, blockBytes: null, blockOperations: null }),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu,
    precpu_stats: cpu,
    memory_stats: {},
  };
}

function precpu({ before: moment }: StatsDetails, before: StatsDetails | null) {
  if (before !== null) {
    return { preread: new Date(before.time).toISOString(), precpu_stats: cpuStats(before.counters.cpu, before.time) };
  }
  if (moment === null) return { preread: never, precpu_stats: emptyStats().cpu_stats };
  const known = { ...unknownTimes, total: moment.cpuTotal };
  return { preread: new Date(moment.time).toISOString(), precpu_stats: cpuStats(known, moment.time) };
}

/** Of a moment of which only the whole time is on record. */
const unknownTimes = { user: 0, system: 0, perProcessor: null, periods: 0, throttledPeriods: 0, throttledTime: 0 };

function cpuStats(cpu: CgroupDetails["cpu"], time: number) {
  const processors = availableParallelism();
  return {
    cpu_usage: {
      total_usage: cpu.total,
      ...(cpu.perProcessor === null ? {} : { percpu_usage: cpu.perProcessor }),
      usage_in_kernelmode: cpu.system,
      usage_in_usermode: cpu.user,
    },
    system_cpu_usage: Math.round((time - bootedAt) * processors) * 1_000_000,
    online_cpus: processors,
    throttling_data: {
      periods: cpu.periods,
      throttled_periods: cpu.throttledPeriods,
      throttled_time: cpu.throttledTime,
    },
  };
}

function memoryStats({ version, memory }: CgroupDetails) {
  const { usage, highestUsage, failures, limit, stats } = memory;
  return {
    usage,
    ...(version === 1 ? { max_usage: highestUsage ?? 0 } : {}),
    stats,
    ...(failures ? { failcnt: failures } : {}),
    limit: Math.min(limit, totalmem()),
  };
}

function limitOf({ processes }: CgroupDetails) {
  return processes.limit === null ? {} : { limit: processes.limit };
}

type Block = {
  readonly version: 1 | 2;
  readonly blockBytes: readonly DeviceCount[] | null;
  readonly blockOperations: readonly DeviceCount[] | null;
};

/** docker tells of v2 what was read and written only, and null where nothing was. */
function blockStats({ version, blockBytes, blockOperations }: Block) {
  const hasAny = blockBytes !== null && (version === 1 || blockBytes.length > 0);
  return {
    io_service_bytes_recursive: hasAny ? blockBytes.map(toEntry) : null,
    io_serviced_recursive: version === 1 ? (blockOperations?.map(toEntry) ?? null) : null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function toEntry({ major, minor, operation, value }: DeviceCount) {
  return { major, minor, op: operation, value };
}

function networksOf({ interfaces }: CgroupDetails) {
  const entries = Object.entries(interfaces);
  if (entries.length === 0) return {};
  return { networks: Object.fromEntries(entries.map(([name, counters]) => [name, toInterface(counters)])) };
}

function toInterface(counters: InterfaceCounters) {
  return {
    rx_bytes: counters.receivedBytes,
    rx_packets: counters.receivedPackets,
    rx_errors: counters.receiveErrors,
    rx_dropped: counters.receiveDrops,
    tx_bytes: counters.sentBytes,
    tx_packets: counters.sentPackets,
    tx_errors: counters.sendErrors,
    tx_dropped: counters.sendDrops,
  };
}
