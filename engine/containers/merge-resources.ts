import { EngineError } from "../errors.ts";
import type { DeviceValue, Resources } from "../protocol/resources.ts";

/** Takes away a limit of memory or processors, for which docker has no word: there it can be changed only. */
const endless = -1;

/**
 * What a container's limits are after an update (moby, container/container_unix.go, `UpdateContainer`): null, empty and 0 leave a limit as it
 * is. Fails with `invalid-argument` where docker does.
 */
export function mergeResources(current: Resources, change: Resources): Resources {
  refuseTwoKindsOfCpu(current, change);
  const memorySwap = swapAfter(current, change);
  return {
    memory: after(current.memory, change.memory),
    memorySwap,
    memoryReservation: after(current.memoryReservation, change.memoryReservation),
    memorySwappiness: change.memorySwappiness ?? current.memorySwappiness,
    oomKillDisable: change.oomKillDisable || current.oomKillDisable,
    nanoCpus: after(current.nanoCpus, change.nanoCpus),
    cpuShares: change.cpuShares || current.cpuShares,
    cpuQuota: change.cpuQuota || current.cpuQuota,
    cpuPeriod: change.cpuPeriod || current.cpuPeriod,
    cpuRealtimePeriod: change.cpuRealtimePeriod || current.cpuRealtimePeriod,
    cpuRealtimeRuntime: change.cpuRealtimeRuntime || current.cpuRealtimeRuntime,
    cpusetCpus: change.cpusetCpus || current.cpusetCpus,
    cpusetMems: change.cpusetMems || current.cpusetMems,
    pidsLimit: change.pidsLimit ?? current.pidsLimit,
    blkioWeight: change.blkioWeight || current.blkioWeight,
    blkioWeightDevice: mergeDevices(current.blkioWeightDevice, change.blkioWeightDevice),
    blkioDeviceReadBps: mergeDevices(current.blkioDeviceReadBps, change.blkioDeviceReadBps),
    blkioDeviceWriteBps: mergeDevices(current.blkioDeviceWriteBps, change.blkioDeviceWriteBps),
    blkioDeviceReadIOps: mergeDevices(current.blkioDeviceReadIOps, change.blkioDeviceReadIOps),
    blkioDeviceWriteIOps: mergeDevices(current.blkioDeviceWriteIOps, change.blkioDeviceWriteIOps),
  };
}

/** True where the kernel has to be told of limits that nothing is said of any more. */
export function takesAway(current: Resources, merged: Resources): boolean {
  return (["memory", "memoryReservation", "nanoCpus"] as const).some(
    (key) => (current[key] ?? 0) > 0 && merged[key] === null,
  );
}

function after(current: number | null, change: number | null): number | null {
  return change === endless ? null : change || current;
}

/** A request sets `--cpus`, or quota and period: they are one limit. */
function refuseTwoKindsOfCpu(current: Resources, change: Resources): void {
  const conflicts = [
    [change.nanoCpus, current.cpuPeriod, "Nano CPUs cannot be updated as CPU Period has already been set"],
    [change.nanoCpus, current.cpuQuota, "Nano CPUs cannot be updated as CPU Quota has already been set"],
    [change.cpuPeriod, current.nanoCpus, "CPU Period cannot be updated as NanoCPUs has already been set"],
    [change.cpuQuota, current.nanoCpus, "CPU Quota cannot be updated as NanoCPUs has already been set"],
  ] as const;
  for (const [wanted, set, reason] of conflicts) {
    if ((wanted ?? 0) !== 0 && (set ?? 0) > 0) throw invalid(`conflicting options: ${reason}`);
  }
}

/** Without a limit of memory there is none of swap. Where nothing was said of swap, a memory limit brought as much swap along: that stays when the memory limit changes. */
function swapAfter(current: Resources, change: Resources): number | null {
  if (change.memory === endless) return (change.memorySwap ?? 0) > 0 ? change.memorySwap : null;
  if ((change.memorySwap ?? 0) !== 0) return change.memorySwap;
  const before = current.memorySwap || (current.memory === null ? null : 2 * current.memory);
  if ((change.memory ?? 0) === 0) return current.memorySwap;
  if (before !== null && before > 0 && (change.memory ?? 0) > before) {
    throw invalid(
      "memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
      "add --memory-swap: memory and swap together, or -1 for no limit",
    );
  }
  return before;
}

function mergeDevices(current: readonly DeviceValue[], change: readonly DeviceValue[]): DeviceValue[] {
  const kept = current.filter(({ path }) => !change.some((other) => other.path === path));
  return [...kept, ...change];
}

function invalid(message: string, hint: string | null = null): EngineError {
  return new EngineError("invalid-argument", message, { hint });
}
