import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Cgroups, openCgroups } from "../host/cgroups.ts";

/** What limits this host can put on containers, in the words of docker's /info. */
export type HostAbilities = {
  readonly MemoryLimit: boolean;
  readonly SwapLimit: boolean;
  readonly CpuCfsPeriod: boolean;
  readonly CpuCfsQuota: boolean;
  readonly CPUShares: boolean;
  readonly CPUSet: boolean;
  readonly PidsLimit: boolean;
  readonly IPv4Forwarding: boolean;
  readonly OomKillDisable: boolean;
};

let limits: Omit<HostAbilities, "IPv4Forwarding"> | null = null;

/** Of the cgroups only once: they stay as they are while the host runs, and its list of mounts may be long. */
export function findAbilities(): HostAbilities {
  limits ??= findLimits(openCgroups());
  return { ...limits, IPv4Forwarding: readText("/proc/sys/net/ipv4/ip_forward").trim() === "1" };
}

function findLimits(cgroups: Cgroups): Omit<HostAbilities, "IPv4Forwarding"> {
  const has = (controller: string) => cgroups.findHierarchy(controller) !== null;
  const memory = cgroups.findHierarchy("memory");
  const isOld = memory?.version === 1;
  const hasOldSwap = isOld && existsSync(join(memory.mountPoint, "memory.memsw.limit_in_bytes"));
  return {
    MemoryLimit: memory !== null,
    SwapLimit: memory !== null && (!isOld || hasOldSwap),
    CpuCfsPeriod: has("cpu"),
    CpuCfsQuota: has("cpu"),
    CPUShares: has("cpu"),
    CPUSet: has("cpuset"),
    PidsLimit: has("pids"),
    OomKillDisable: isOld,
  };
}

/** Docker's sentences for what is missing. */
export function warningsOf(abilities: HostAbilities): string[] {
  const sentences: readonly (readonly [boolean, string])[] = [
    [abilities.MemoryLimit, "WARNING: No memory limit support"],
    [abilities.SwapLimit || !abilities.MemoryLimit, "WARNING: No swap limit support"],
    [abilities.PidsLimit, "WARNING: No pids limit support"],
    [abilities.CPUShares, "WARNING: No cpu shares support"],
    [abilities.CPUSet, "WARNING: No cpuset support"],
    [abilities.IPv4Forwarding, "WARNING: IPv4 forwarding is disabled"],
  ];
  return sentences.filter(([isThere]) => !isThere).map(([, sentence]) => sentence);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
