import { EngineError } from "../../errors.ts";
import type { Resources } from "../../protocol/resources.ts";
import type { HostFacts, Warn } from "./types.ts";

const period = 100_000;
const minimumMemory = 6 * 1024 * 1024;

/**
 * Limits as `linux.resources` (OCI runtime spec, config-linux.md). A limit whose controller the host lacks is left out with a
 * warning, as docker does; one that makes no sense fails with `invalid-argument`.
 */
export function buildResources(resources: Resources, host: HostFacts, warn: Warn): Record<string, unknown> {
  return {
    ...memoryOf(resources, host, warn),
    ...cpuOf(resources, host, warn),
    ...pidsOf(resources, host, warn),
  };
}

function memoryOf(resources: Resources, host: HostFacts, warn: Warn): Record<string, unknown> {
  const { memory, memorySwap, memoryReservation } = resources;
  if (memory === null && memorySwap === null && memoryReservation === null) return {};
  checkMemory(resources);
  if (!host.controllers.has("memory")) {
    warn("this host has no memory controller: --memory has no effect");
    return {};
  }
  // docker's default: as much swap as memory.
  const swap = memorySwap === null || memorySwap === 0 ? (memory === null ? null : memory * 2) : memorySwap;
  if (swap !== null && swap !== -1 && !host.swapAccounting) {
    warn("this host does not count swap: memory is limited, swap is not");
  }
  return {
    memory: {
      ...(memory === null ? {} : { limit: memory }),
      ...(swap === null || !host.swapAccounting ? {} : { swap }),
      ...(memoryReservation === null ? {} : { reservation: memoryReservation }),
    },
  };
}

function checkMemory({ memory, memorySwap, memoryReservation }: Resources): void {
  if (memory !== null && memory < minimumMemory) throw invalid(`memory limit ${memory} is below the minimum of 6 MB`);
  if (memorySwap === null || memorySwap === 0) {
    // Follows the memory limit.
  } else if (memory === null && memorySwap > 0) {
    throw invalid("a limit for memory and swap needs a memory limit, too");
  } else if (memory !== null && memorySwap > 0 && memorySwap < memory) {
    throw invalid(`limit for memory and swap ${memorySwap} is below the memory limit ${memory}`);
  }
  if (memory !== null && memoryReservation !== null && memoryReservation > memory) {
    throw invalid(`memory reservation ${memoryReservation} is above the memory limit ${memory}`);
  }
}

function cpuOf(resources: Resources, host: HostFacts, warn: Warn): Record<string, unknown> {
  const { nanoCpus, cpuShares, cpusetCpus } = resources;
  const cpu: Record<string, unknown> = {};
  if (nanoCpus !== null) {
    if (nanoCpus < 10_000_000 || nanoCpus > host.cpus * 1e9) {
      throw invalid(`${nanoCpus / 1e9} CPUs are out of range: this host has ${host.cpus}, the least is 0.01`);
    }
    cpu.period = period;
    cpu.quota = Math.round((nanoCpus * period) / 1e9);
  }
  if (cpuShares !== null && cpuShares > 0) {
    if (cpuShares < 2) throw invalid(`${cpuShares} CPU shares are below the least of 2`);
    cpu.shares = cpuShares;
  }
  if (Object.keys(cpu).length > 0 && !host.controllers.has("cpu")) {
    warn("this host has no cpu controller: --cpus and --cpu-shares have no effect");
    return cpusetOf(cpusetCpus, host, warn);
  }
  const cpuset = cpusetOf(cpusetCpus, host, warn);
  const merged = { ...cpu, ...(cpuset.cpu as Record<string, unknown> | undefined) };
  return Object.keys(merged).length === 0 ? {} : { cpu: merged };
}

function cpusetOf(cpus: string | null, host: HostFacts, warn: Warn): Record<string, unknown> {
  if (cpus === null || cpus === "") return {};
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(cpus)) {
    throw invalid(`list of CPUs ${JSON.stringify(cpus)} is not of the form 0-2,4`);
  }
  if (host.controllers.has("cpuset")) return { cpu: { cpus } };
  warn("this host has no cpuset controller: --cpuset-cpus has no effect");
  return {};
}

function pidsOf({ pidsLimit }: Resources, host: HostFacts, warn: Warn): Record<string, unknown> {
  if (pidsLimit === null || pidsLimit <= 0) return {};
  if (host.controllers.has("pids")) return { pids: { limit: pidsLimit } };
  warn("this host has no pids controller: --pids-limit has no effect");
  return {};
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message, { exitCode: 125 });
}
