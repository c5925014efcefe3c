import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import type { DeviceValue, Resources, RestartPolicy } from "../../protocol/resources.ts";
import { list, text, whole } from "../go-json.ts";

const rate = list(z.object({ Path: text, Rate: whole }));
const weight = list(z.object({ Path: text, Weight: whole }));

/** moby's Resources: what an update takes, and a part of HostConfig. */
export const resourcesBody = z.object({
  CpuShares: whole,
  Memory: whole,
  NanoCpus: whole,
  CgroupParent: text,
  BlkioWeight: whole,
  BlkioWeightDevice: weight,
  BlkioDeviceReadBps: rate,
  BlkioDeviceWriteBps: rate,
  BlkioDeviceReadIOps: rate,
  BlkioDeviceWriteIOps: rate,
  CpuPeriod: whole,
  CpuQuota: whole,
  CpuRealtimePeriod: whole,
  CpuRealtimeRuntime: whole,
  CpusetCpus: text,
  CpusetMems: text,
  MemoryReservation: whole,
  MemorySwap: whole,
  MemorySwappiness: z.nullish(z.int()),
  OomKillDisable: z.nullish(z.boolean()),
  PidsLimit: z.nullish(z.int()),
});
type ResourcesBody = z.output<typeof resourcesBody>;

export const restartPolicyBody = z.object({ Name: text, MaximumRetryCount: whole });

/** docker's 0 and empty: nothing was said. `PidsLimit` is -1 or 0 for no limit, for an update null leaves it. */
export function toResources(body: ResourcesBody): Resources {
  const { MemorySwappiness: swappiness } = body;
  return {
    memory: orNull(body.Memory),
    memorySwap: orNull(body.MemorySwap),
    memoryReservation: orNull(body.MemoryReservation),
    // Clients of before 1.27 write -1 where nothing was said.
    memorySwappiness: swappiness === -1 ? null : (swappiness ?? null),
    oomKillDisable: body.OomKillDisable ?? false,
    nanoCpus: orNull(body.NanoCpus),
    cpuShares: orNull(body.CpuShares),
    cpuQuota: orNull(body.CpuQuota),
    cpuPeriod: orNull(body.CpuPeriod),
    cpuRealtimePeriod: orNull(body.CpuRealtimePeriod),
    cpuRealtimeRuntime: orNull(body.CpuRealtimeRuntime),
    cpusetCpus: orNull(body.CpusetCpus),
    cpusetMems: orNull(body.CpusetMems),
    pidsLimit: orNull(body.PidsLimit),
    blkioWeight: orNull(body.BlkioWeight),
    blkioWeightDevice: body.BlkioWeightDevice.map(({ Path, Weight }) => ({ path: Path, value: Weight })),
    blkioDeviceReadBps: body.BlkioDeviceReadBps.map(toRate),
    blkioDeviceWriteBps: body.BlkioDeviceWriteBps.map(toRate),
    blkioDeviceReadIOps: body.BlkioDeviceReadIOps.map(toRate),
    blkioDeviceWriteIOps: body.BlkioDeviceWriteIOps.map(toRate),
  };
}

/** Fails with `invalid-argument` in docker's words. */
export function toRestartPolicy({ Name, MaximumRetryCount }: z.output<typeof restartPolicyBody>): RestartPolicy {
  const name = Name === "" ? "no" : Name;
  if (name === "no" || name === "always" || name === "unless-stopped" || name === "on-failure") {
    return { name, maximumRetryCount: MaximumRetryCount };
  }
  throw new EngineError(
    "invalid-argument",
    `invalid restart policy: unknown policy '${Name.slice(0, 80)}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
  );
}

function orNull<T extends number | string>(value: T | null | undefined): T | null {
  return value || null;
}

function toRate({ Path, Rate }: { readonly Path: string; readonly Rate: number }): DeviceValue {
  return { path: Path, value: Rate };
}
