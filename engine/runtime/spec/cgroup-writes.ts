import type { Cgroups } from "../../host/cgroups.ts";
import { defaultPeriod, type SpecBlockIO, type SpecRate, type SpecResources } from "./resources.ts";

/** A value for one file of a cgroup. */
export type CgroupWrite = {
  /** As v1 calls it; tells which hierarchy. */
  readonly controller: string;
  /** The first that is there. */
  readonly files: readonly string[];
  readonly value: string;
  /** `major:minor` for a file with a line for each device; `reset` is what takes its line away. */
  readonly device?: { readonly number: string; readonly reset: string };
};

type Version = 1 | 2;

/**
 * What a runtime would write at a container's creation, in v1's or v2's words as the host has each controller (cgroup-v2.rst; the
 * conversions are those of runc and crun). In no order in particular, but for what belongs together: see live-limits.ts.
 */
export function cgroupWrites(resources: SpecResources, cgroups: Pick<Cgroups, "findHierarchy">): CgroupWrite[] {
  const version = (controller: string): Version => cgroups.findHierarchy(controller)?.version ?? 1;
  return [
    ...memoryWrites(resources.memory ?? {}, version("memory")),
    ...cpuWrites(resources.cpu ?? {}, version("cpu")),
    ...cpusetWrites(resources.cpu ?? {}),
    ...pidsWrites(resources.pids),
    ...blockWrites(resources.blockIO ?? {}, version("blkio")),
  ];
}

function memoryWrites(memory: NonNullable<SpecResources["memory"]>, version: Version): CgroupWrite[] {
  const { limit, swap, reservation, swappiness, disableOOMKiller } = memory;
  if (version === 2) {
    // v2 counts swap alone.
    const swapAlone = swap === undefined || swap === -1 ? swap : swap - (limit ?? 0);
    return [
      ...write("memory", "memory.max", limit, bytesOrMax),
      ...write("memory", "memory.swap.max", swapAlone, bytesOrMax),
      ...write("memory", "memory.low", reservation, bytesOrMax),
    ];
  }
  return [
    ...write("memory", "memory.limit_in_bytes", limit),
    ...write("memory", "memory.memsw.limit_in_bytes", swap),
    ...write("memory", "memory.soft_limit_in_bytes", reservation),
    ...write("memory", "memory.swappiness", swappiness),
    ...write("memory", "memory.oom_control", disableOOMKiller === true ? 1 : undefined),
  ];
}

function cpuWrites(cpu: NonNullable<SpecResources["cpu"]>, version: Version): CgroupWrite[] {
  const { shares, quota, period, realtimePeriod, realtimeRuntime } = cpu;
  if (version === 2) {
    const hasTime = quota !== undefined || period !== undefined;
    const time = `${quota === undefined || quota <= 0 ? "max" : quota} ${period ?? defaultPeriod}`;
    return [
      ...write("cpu", "cpu.weight", shares, (value) => String(weightOfShares(value))),
      ...(hasTime ? [{ controller: "cpu", files: ["cpu.max"], value: time }] : []),
    ];
  }
  return [
    ...write("cpu", "cpu.shares", shares),
    ...write("cpu", "cpu.cfs_period_us", period),
    ...write("cpu", "cpu.cfs_quota_us", quota),
    ...write("cpu", "cpu.rt_period_us", realtimePeriod),
    ...write("cpu", "cpu.rt_runtime_us", realtimeRuntime),
  ];
}

function cpusetWrites({ cpus, mems }: NonNullable<SpecResources["cpu"]>): CgroupWrite[] {
  return [...write("cpuset", "cpuset.cpus", cpus), ...write("cpuset", "cpuset.mems", mems)];
}

function pidsWrites(pids: SpecResources["pids"]): CgroupWrite[] {
  return write("pids", "pids.max", pids?.limit, bytesOrMax);
}

function blockWrites(blockIO: SpecBlockIO, version: Version): CgroupWrite[] {
  return version === 2 ? unifiedBlockWrites(blockIO) : legacyBlockWrites(blockIO);
}

function legacyBlockWrites(blockIO: SpecBlockIO): CgroupWrite[] {
  const rates = (file: string, list: readonly SpecRate[] = []) =>
    list.map((entry) => deviceWrite([`blkio.throttle.${file}`], entry, { value: String(entry.rate), none: "0" }));
  return [
    ...(blockIO.weight === undefined
      ? []
      : [{ controller: "blkio", files: ["blkio.weight", "blkio.bfq.weight"], value: String(blockIO.weight) }]),
    ...(blockIO.weightDevice ?? []).map((entry) =>
      deviceWrite(["blkio.weight_device", "blkio.bfq.weight_device"], entry, {
        value: String(entry.weight),
        none: "default",
      }),
    ),
    ...rates("read_bps_device", blockIO.throttleReadBpsDevice),
    ...rates("write_bps_device", blockIO.throttleWriteBpsDevice),
    ...rates("read_iops_device", blockIO.throttleReadIOPSDevice),
    ...rates("write_iops_device", blockIO.throttleWriteIOPSDevice),
  ];
}

function unifiedBlockWrites(blockIO: SpecBlockIO): CgroupWrite[] {
  const rates = (key: string, list: readonly SpecRate[] = []) =>
    list.map((entry) =>
      deviceWrite(["io.max"], entry, {
        value: `${key}=${entry.rate === 0 ? "max" : entry.rate}`,
        none: "rbps=max wbps=max riops=max wiops=max",
      }),
    );
  const weight = (value: number) => String(weightOfBlkio(value));
  return [
    ...write("blkio", "io.weight", blockIO.weight, weight),
    ...(blockIO.weightDevice ?? []).map((entry) =>
      deviceWrite(["io.weight"], entry, { value: weight(entry.weight), none: "default" }),
    ),
    ...rates("rbps", blockIO.throttleReadBpsDevice),
    ...rates("wbps", blockIO.throttleWriteBpsDevice),
    ...rates("riops", blockIO.throttleReadIOPSDevice),
    ...rates("wiops", blockIO.throttleWriteIOPSDevice),
  ];
}

function deviceWrite(
  files: readonly string[],
  { major, minor }: { readonly major: number; readonly minor: number },
  line: { readonly value: string; readonly none: string },
): CgroupWrite {
  const number = `${major}:${minor}`;
  return {
    controller: "blkio",
    files,
    value: `${number} ${line.value}`,
    device: { number, reset: `${number} ${line.none}` },
  };
}

function write<T extends number | string>(
  controller: string,
  file: string,
  value: T | undefined,
  format: (value: T) => string = String,
): CgroupWrite[] {
  return value === undefined ? [] : [{ controller, files: [file], value: format(value) }];
}

function bytesOrMax(value: number): string {
  return value < 0 ? "max" : String(value);
}

/** From v1's 2-262144 to v2's 1-10000. */
export function weightOfShares(shares: number): number {
  return Math.floor(1 + ((Math.min(Math.max(shares, 2), 262_144) - 2) * 9999) / 262_142);
}

/** From v1's 10-1000 to v2's 1-10000. */
export function weightOfBlkio(weight: number): number {
  return Math.floor(1 + ((weight - 10) * 9999) / 990);
}
