import { EngineError } from "../../errors.ts";
import type { DeviceValue, Resources } from "../../protocol/resources.ts";
import { type BlockDevices, noBlockDevices } from "./block-devices.ts";
import type { HostFacts, LimitKind, Warn } from "./types.ts";

/** The kernel's default, in microseconds. */
export const defaultPeriod = 100_000;
const minimumMemory = 6 * 1024 * 1024;

/** `linux.resources` without devices (OCI runtime spec, config-linux.md): v1's words, which a runtime translates for v2. */
export type SpecResources = {
  readonly memory?: {
    readonly limit?: number;
    readonly swap?: number;
    readonly reservation?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly realtimeRuntime?: number;
    readonly realtimePeriod?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: SpecBlockIO;
};
export type SpecRate = { readonly major: number; readonly minor: number; readonly rate: number };
export type SpecBlockIO = {
  readonly weight?: number;
  readonly weightDevice?: readonly { readonly major: number; readonly minor: number; readonly weight: number }[];
  readonly throttleReadBpsDevice?: readonly SpecRate[];
  readonly throttleWriteBpsDevice?: readonly SpecRate[];
  readonly throttleReadIOPSDevice?: readonly SpecRate[];
  readonly throttleWriteIOPSDevice?: readonly SpecRate[];
};

/**
 * docker's checks of limits. One whose controller the host lacks is left out with a warning, as docker does; one that makes no sense, or
 * for which docker fails, fails with `invalid-argument`.
 */
export function buildResources(
  resources: Resources,
  host: HostFacts,
  warn: Warn,
  devices: BlockDevices = noBlockDevices,
): SpecResources {
  const memory = memoryOf(resources, host, warn);
  const cpu = { ...timeOf(resources, host, warn), ...cpusetOf(resources, host, warn) };
  const pids = pidsOf(resources, host, warn);
  const blockIO = blockIoOf(resources, { host, devices, warn });
  return {
    ...(isEmpty(memory) ? {} : { memory }),
    ...(isEmpty(cpu) ? {} : { cpu }),
    ...(pids === null ? {} : { pids }),
    ...(isEmpty(blockIO) ? {} : { blockIO }),
  };
}

/** The same for a container that runs: what takes a limit away is told as well. */
export function buildLiveResources(resources: Resources, surroundings: Surroundings): SpecResources {
  const { host, devices, warn } = surroundings;
  const limits = buildResources(resources, host, warn, devices);
  const isEndless = resources.pidsLimit !== null && isEndlessCount(resources.pidsLimit) && host.controllers.has("pids");
  return isEndless ? { ...limits, pids: { limit: -1 } } : limits;
}

type MemoryLimits = NonNullable<SpecResources["memory"]>;

function memoryOf(resources: Resources, host: HostFacts, warn: Warn): MemoryLimits {
  checkMemory(resources);
  const limit = given(resources.memory);
  // docker's default: as much swap as memory.
  const swap = given(resources.memorySwap) ?? (limit === null ? null : limit * 2);
  const reservation = given(resources.memoryReservation);
  const sizes = { ...named("limit", limit), ...named("swap", swap), ...named("reservation", reservation) };
  const isAsked = !isEmpty(sizes) || wantedSwappiness(resources) !== null || resources.oomKillDisable;
  if (isAsked && !host.controllers.has("memory")) {
    warn("this host has no memory controller: --memory and what belongs to it have no effect");
    return {};
  }
  if (swap !== null && !host.swapAccounting) {
    delete sizes.swap;
    if (swap !== -1) warn("this host does not count swap: memory is limited, swap is not");
  }
  return { ...sizes, ...memoryWaysOf(resources, host, warn) };
}

/** How memory is taken away, not how much there is. */
function memoryWaysOf(resources: Resources, host: HostFacts, warn: Warn): MemoryLimits {
  const swappiness = wantedSwappiness(resources);
  const { oomKillDisable, memory } = resources;
  if (oomKillDisable && given(memory) === null) {
    warn("the OOM killer is disabled for the container without a memory limit: it can fill the host's memory");
  }
  return {
    ...(swappiness !== null && can(host, "swappiness", "--memory-swappiness", warn) ? { swappiness } : {}),
    ...(oomKillDisable && can(host, "oom-kill-disable", "--oom-kill-disable", warn) ? { disableOOMKiller: true } : {}),
  };
}

/** docker's -1 is none. */
function wantedSwappiness({ memorySwappiness }: Resources): number | null {
  return memorySwappiness === -1 ? null : memorySwappiness;
}

function named<K extends string>(key: K, value: number | null): { [key in K]?: number } {
  return value === null ? {} : ({ [key]: value } as { [key in K]: number });
}

function checkMemory({ memory, memorySwap, memoryReservation, memorySwappiness }: Resources): void {
  const [limit, swap, reservation] = [given(memory), given(memorySwap), given(memoryReservation)];
  if (limit !== null && limit < minimumMemory) throw invalid(`memory limit ${limit} is below the minimum of 6 MB`);
  if (swap !== null && swap < -1) throw invalid(`limit for memory and swap ${swap} is neither a size nor -1`);
  if (limit === null && swap !== null && swap > 0) {
    throw invalid("a limit for memory and swap needs a memory limit, too");
  }
  if (limit !== null && swap !== null && swap > 0 && swap < limit) {
    throw invalid(`limit for memory and swap ${swap} is below the memory limit ${limit}`);
  }
  if (reservation !== null && reservation < minimumMemory) {
    throw invalid(`memory reservation ${reservation} is below the minimum of 6 MB`);
  }
  if (limit !== null && reservation !== null && reservation > limit) {
    throw invalid(`memory reservation ${reservation} is above the memory limit ${limit}`);
  }
  if (memorySwappiness !== null && (memorySwappiness < -1 || memorySwappiness > 100)) {
    throw invalid(`memory swappiness ${memorySwappiness} is not between 0 and 100`);
  }
}

function timeOf(resources: Resources, host: HostFacts, warn: Warn): NonNullable<SpecResources["cpu"]> {
  checkTime(resources, host);
  const [nanoCpus, shares] = [given(resources.nanoCpus), given(resources.cpuShares)];
  const [quota, period] = [given(resources.cpuQuota), given(resources.cpuPeriod)];
  const realtime = realtimeOf(resources, host);
  const cpu = {
    ...(shares === null ? {} : { shares }),
    ...(nanoCpus === null ? {} : { period: defaultPeriod, quota: Math.round((nanoCpus * defaultPeriod) / 1e9) }),
    ...(quota === null ? {} : { quota }),
    ...(period === null ? {} : { period }),
    ...realtime,
  };
  if (isEmpty(cpu) || host.controllers.has("cpu")) return cpu;
  warn("this host has no cpu controller: --cpus and --cpu-shares have no effect");
  return {};
}

function checkTime(resources: Resources, host: HostFacts): void {
  const [nanoCpus, shares] = [given(resources.nanoCpus), given(resources.cpuShares)];
  const [quota, period] = [given(resources.cpuQuota), given(resources.cpuPeriod)];
  if (nanoCpus !== null && (nanoCpus < 10_000_000 || nanoCpus > host.cpus * 1e9)) {
    throw invalid(`${nanoCpus / 1e9} CPUs are out of range: this host has ${host.cpus}, the least is 0.01`);
  }
  if (nanoCpus !== null && (quota !== null || period !== null)) {
    throw invalid("--cpus cannot be set together with --cpu-quota or --cpu-period");
  }
  // The kernel's bounds; a runtime refuses what is beyond them at the start.
  if (shares !== null && shares < 2) throw invalid(`${shares} CPU shares are below the least of 2`);
  if (shares !== null && shares > 262_144) throw invalid(`${shares} CPU shares are above the most of 262144`);
  if (period !== null && (period < 1000 || period > 1_000_000)) {
    throw invalid(`CPU period ${period} is not between 1000 (1 ms) and 1000000 (1 s)`);
  }
  if (quota !== null && quota !== -1 && quota < 1000) throw invalid(`CPU quota ${quota} is below 1000 (1 ms)`);
}

function realtimeOf(resources: Resources, host: HostFacts): NonNullable<SpecResources["cpu"]> {
  const [period, runtime] = [given(resources.cpuRealtimePeriod), given(resources.cpuRealtimeRuntime)];
  if (period === null && runtime === null) return {};
  if (!host.limits.has("cpu-realtime")) throw invalid("this host's cgroups have no real-time scheduling");
  if (period !== null && runtime !== null && runtime > period) {
    throw invalid(`CPU real-time runtime ${runtime} is above its period ${period}`);
  }
  return {
    ...(period === null ? {} : { realtimePeriod: period }),
    ...(runtime === null ? {} : { realtimeRuntime: runtime }),
  };
}

function cpusetOf(resources: Resources, host: HostFacts, warn: Warn): NonNullable<SpecResources["cpu"]> {
  const cpus = listOf("CPUs", resources.cpusetCpus);
  const mems = listOf("memory nodes", resources.cpusetMems);
  if (cpus === null && mems === null) return {};
  if (host.controllers.has("cpuset")) return { ...(cpus === null ? {} : { cpus }), ...(mems === null ? {} : { mems }) };
  warn("this host has no cpuset controller: --cpuset-cpus and --cpuset-mems have no effect");
  return {};
}

function listOf(what: string, text: string | null): string | null {
  if (text === null || text === "") return null;
  if (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return text;
  throw invalid(`list of ${what} ${JSON.stringify(text.slice(0, 80))} is not of the form 0-2,4`);
}

/** More than a kernel has (PID_MAX_LIMIT, 4 Mi) it refuses to write down; it is none. */
function isEndlessCount(limit: number): boolean {
  return limit <= 0 || limit > 4_194_304;
}

function pidsOf({ pidsLimit }: Resources, host: HostFacts, warn: Warn): { limit: number } | null {
  if (pidsLimit === null || isEndlessCount(pidsLimit)) return null;
  if (host.controllers.has("pids")) return { limit: pidsLimit };
  warn("this host has no pids controller: --pids-limit has no effect");
  return null;
}

export type Surroundings = { readonly host: HostFacts; readonly devices: BlockDevices; readonly warn: Warn };

function blockIoOf(resources: Resources, surroundings: Surroundings): SpecBlockIO {
  const { host, devices, warn } = surroundings;
  const weight = given(resources.blkioWeight);
  const weights = [weight, ...resources.blkioWeightDevice.map(({ value }) => value)].filter((value) => value !== null);
  const wrong = weights.find((value) => value < 10 || value > 1000);
  if (wrong !== undefined) throw invalid(`blkio weight ${wrong} is not between 10 and 1000`);
  const perDevice = resources.blkioWeightDevice.map(({ path, value }) => ({
    ...numbersOf(devices, path),
    weight: value,
  }));
  const hasWeight = weights.length > 0 && can(host, "blkio-weight", "--blkio-weight", warn);
  return {
    ...(hasWeight && weight !== null ? { weight } : {}),
    ...(hasWeight && perDevice.length > 0 ? { weightDevice: perDevice } : {}),
    ...ratesOf(resources, surroundings),
  };
}

function ratesOf(resources: Resources, { host, devices, warn }: Surroundings): SpecBlockIO {
  const rates = (list: readonly DeviceValue[]): SpecRate[] =>
    list.map(({ path, value }) => {
      if (value < 0) throw invalid(`rate ${value} of ${path} is below 0`);
      return { ...numbersOf(devices, path), rate: value };
    });
  const all = {
    throttleReadBpsDevice: rates(resources.blkioDeviceReadBps),
    throttleWriteBpsDevice: rates(resources.blkioDeviceWriteBps),
    throttleReadIOPSDevice: rates(resources.blkioDeviceReadIOps),
    throttleWriteIOPSDevice: rates(resources.blkioDeviceWriteIOps),
  };
  const wanted = Object.entries(all).filter(([, list]) => list.length > 0);
  if (wanted.length === 0 || !can(host, "blkio-throttle", "limits of devices' rates", warn)) return {};
  return Object.fromEntries(wanted);
}

function numbersOf(devices: BlockDevices, path: string): { major: number; minor: number } {
  const found = devices.get(path);
  if (found !== undefined) return found;
  throw new EngineError("internal", `block device ${path} was not looked up`);
}

function can(host: HostFacts, kind: LimitKind, what: string, warn: Warn): boolean {
  if (host.limits.has(kind)) return true;
  warn(`this host's cgroups cannot do it: ${what} ${what.startsWith("--") ? "has" : "have"} no effect`);
  return false;
}

/** docker's 0 is none. */
function given(value: number | null): number | null {
  return value === 0 ? null : value;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message, { exitCode: 125 });
}
