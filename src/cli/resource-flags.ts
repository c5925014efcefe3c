import { unlimited } from "../../engine/protocol/defaults.ts";
import type { Resources } from "../../engine/protocol/resources.ts";
import { parseDeviceIOps, parseDeviceRate, parseDeviceWeight } from "./parse/device-values.ts";
import { parseBytes, parseBytesOrUnlimited, parseCpus, parseInteger } from "./parse/sizes.ts";
import { refused, UsageError } from "./parse/usage-error.ts";

/** Limits as commander hands them over: those that `update` has as well, and those of `run` and `create` alone. */
export type ResourceOptions = {
  blkioWeight?: string;
  cpuPeriod?: string;
  cpuQuota?: string;
  cpuRtPeriod?: string;
  cpuRtRuntime?: string;
  cpuShares?: string;
  cpus?: string;
  cpusetCpus?: string;
  cpusetMems?: string;
  kernelMemory?: string;
  memory?: string;
  memoryReservation?: string;
  memorySwap?: string;
  pidsLimit?: string;
};
export type FixedResourceOptions = ResourceOptions & {
  blkioWeightDevice?: string[];
  deviceReadBps?: string[];
  deviceReadIops?: string[];
  deviceWriteBps?: string[];
  deviceWriteIops?: string[];
  memorySwappiness?: string;
  oomKillDisable?: true;
};

type Flags = readonly (readonly [flag: string, text: string])[];

export const resourceFlags: Flags = [
  ["-m, --memory <size>", "memory limit, e.g. 512m"],
  ["--memory-swap <size>", "memory plus swap; -1: without limit"],
  ["--memory-reservation <size>", "soft memory limit"],
  ["--kernel-memory <size>", "accepted; no kernel has this limit any more"],
  ["--cpus <number>", "CPUs, e.g. 1.5"],
  ["-c, --cpu-shares <weight>", "relative weight"],
  ["--cpu-period <microseconds>", "period of the CPU quota"],
  ["--cpu-quota <microseconds>", "CPU time within a period"],
  ["--cpu-rt-period <microseconds>", "period of the real-time quota"],
  ["--cpu-rt-runtime <microseconds>", "real-time CPU time within a period"],
  ["--cpuset-cpus <list>", "which CPUs, e.g. 0-2,4"],
  ["--cpuset-mems <list>", "which memory nodes, e.g. 0"],
  ["--pids-limit <number>", "processes; -1: without limit"],
  ["--blkio-weight <weight>", "relative weight of block I/O, 10 to 1000"],
];

/** The limits of a new container. As docker: 0 is as if nothing was said. */
export function resourcesOf(options: FixedResourceOptions): Resources {
  const { pidsLimit, ...limits } = limitsOf(options, { endless: null });
  return {
    ...limits,
    // -1 says what is so anyway.
    pidsLimit: pidsLimit === null || pidsLimit < 0 ? null : pidsLimit,
    memorySwappiness: swappinessOf(options.memorySwappiness),
    oomKillDisable: options.oomKillDisable ?? false,
    blkioWeightDevice: (options.blkioWeightDevice ?? []).map(parseDeviceWeight),
    blkioDeviceReadBps: (options.deviceReadBps ?? []).map((text) => parseDeviceRate("--device-read-bps", text)),
    blkioDeviceWriteBps: (options.deviceWriteBps ?? []).map((text) => parseDeviceRate("--device-write-bps", text)),
    blkioDeviceReadIOps: (options.deviceReadIops ?? []).map((text) => parseDeviceIOps("--device-read-iops", text)),
    blkioDeviceWriteIOps: (options.deviceWriteIops ?? []).map((text) => parseDeviceIOps("--device-write-iops", text)),
  };
}

/** The limits that `update` changes: null leaves one as it is, -1 takes it away. */
export function updatedResources(options: ResourceOptions): Resources {
  return limitsOf(options, { endless: -1 });
}

/** endless: what -1 is where docker takes none; null: it is refused. */
function limitsOf(options: ResourceOptions, { endless }: { readonly endless: number | null }): Resources {
  const { memory, memorySwap, memoryReservation, cpus } = options;
  const orEndless = (parse: (text: string) => number) => (text: string) =>
    text === "-1" && endless !== null ? endless : parse(text);
  if (cpus !== undefined && (options.cpuPeriod !== undefined || options.cpuQuota !== undefined)) {
    throw refused("conflicting options: --cpus and --cpu-period or --cpu-quota");
  }
  return {
    ...unlimited,
    memory: limitOf(
      memory,
      orEndless((text) => parseBytes("--memory", text)),
    ),
    memorySwap: limitOf(memorySwap, (text) => parseBytesOrUnlimited("--memory-swap", text)),
    memoryReservation: limitOf(
      memoryReservation,
      orEndless((text) => parseBytes("--memory-reservation", text)),
    ),
    nanoCpus: limitOf(cpus, orEndless(parseCpus)),
    cpuShares: integer("--cpu-shares", options.cpuShares, 0),
    cpuPeriod: integer("--cpu-period", options.cpuPeriod, 0),
    cpuQuota: integer("--cpu-quota", options.cpuQuota, -1),
    cpuRealtimePeriod: integer("--cpu-rt-period", options.cpuRtPeriod, 0),
    cpuRealtimeRuntime: integer("--cpu-rt-runtime", options.cpuRtRuntime, 0),
    cpusetCpus: options.cpusetCpus || null,
    cpusetMems: options.cpusetMems || null,
    pidsLimit: integer("--pids-limit", options.pidsLimit, -1),
    blkioWeight: weightOf(options.blkioWeight),
  };
}

function limitOf(text: string | undefined, parse: (text: string) => number): number | null {
  return text === undefined ? null : parse(text) || null;
}

function integer(flag: string, text: string | undefined, minimum: number): number | null {
  return limitOf(text, (given) => parseInteger(flag, given, { minimum, maximum: 2 ** 53 - 1 }));
}

function weightOf(text: string | undefined): number | null {
  const weight = integer("--blkio-weight", text, 0);
  if (weight === null || (weight >= 10 && weight <= 1000)) return weight;
  throw new UsageError(`invalid --blkio-weight "${text}": want a whole number of 10 to 1000`);
}

/** -1 is docker's word for not set, and 0 is a swappiness. */
function swappinessOf(text: string | undefined): number | null {
  const swappiness = text === undefined ? -1 : parseInteger("--memory-swappiness", text, { minimum: -1, maximum: 100 });
  return swappiness === -1 ? null : swappiness;
}
