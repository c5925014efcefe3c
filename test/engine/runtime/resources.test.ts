import { describe, expect, it } from "vitest";
import { Cgroups } from "../../../engine/host/cgroups.ts";
import { unlimited } from "../../../engine/protocol/defaults.ts";
import type { Resources } from "../../../engine/protocol/resources.ts";
import { valueBefore } from "../../../engine/runtime/live-limits.ts";
import { cgroupWrites, weightOfBlkio, weightOfShares } from "../../../engine/runtime/spec/cgroup-writes.ts";
import { getHostFacts } from "../../../engine/runtime/spec/host-facts.ts";
import { buildLiveResources, buildResources } from "../../../engine/runtime/spec/resources.ts";
import type { HostFacts } from "../../../engine/runtime/spec/types.ts";

const mebibyte = 1024 ** 2;
const host: HostFacts = {
  ...getHostFacts(),
  cpus: 4,
  controllers: new Set(["cpu", "memory", "pids", "cpuset", "blkio"]),
  swapAccounting: true,
  limits: new Set(["swappiness", "oom-kill-disable", "blkio-weight", "blkio-throttle", "cpu-realtime"]),
};
const devices = new Map([["/dev/sda", { major: 8, minor: 0 }]]);

function build(wishes: Partial<Resources>, facts: Partial<HostFacts> = {}) {
  const warnings: string[] = [];
  const warn = (text: string) => warnings.push(text);
  return { limits: buildResources({ ...unlimited, ...wishes }, { ...host, ...facts }, warn, devices), warnings };
}

describe("limits", () => {
  it("are none where none are asked for", () => {
    expect(build({})).toEqual({ limits: {}, warnings: [] });
    const zeros = { memory: 0, memorySwap: 0, nanoCpus: 0, cpuShares: 0, cpuQuota: 0, pidsLimit: 0, blkioWeight: 0 };
    expect(build({ ...zeros, memorySwappiness: -1, cpusetCpus: "" })).toEqual({ limits: {}, warnings: [] });
  });

  it("are the runtime spec's, all of them", () => {
    const rate = [{ path: "/dev/sda", value: 1024 }];
    const { limits } = build({
      memory: 64 * mebibyte,
      memoryReservation: 32 * mebibyte,
      memorySwappiness: 0,
      oomKillDisable: true,
      cpuShares: 512,
      cpuQuota: 50_000,
      cpuPeriod: 100_000,
      cpuRealtimePeriod: 1_000_000,
      cpuRealtimeRuntime: 950_000,
      cpusetCpus: "0-1",
      cpusetMems: "0",
      pidsLimit: 100,
      blkioWeight: 500,
      blkioWeightDevice: [{ path: "/dev/sda", value: 300 }],
      blkioDeviceReadBps: rate,
      blkioDeviceWriteBps: rate,
      blkioDeviceReadIOps: rate,
      blkioDeviceWriteIOps: rate,
    });
    const throttle = [{ major: 8, minor: 0, rate: 1024 }];
    expect(limits).toEqual({
      memory: {
        limit: 64 * mebibyte,
        swap: 128 * mebibyte,
        reservation: 32 * mebibyte,
        swappiness: 0,
        disableOOMKiller: true,
      },
      cpu: {
        shares: 512,
        quota: 50_000,
        period: 100_000,
        realtimePeriod: 1_000_000,
        realtimeRuntime: 950_000,
        cpus: "0-1",
        mems: "0",
      },
      pids: { limit: 100 },
      blockIO: {
        weight: 500,
        weightDevice: [{ major: 8, minor: 0, weight: 300 }],
        throttleReadBpsDevice: throttle,
        throttleWriteBpsDevice: throttle,
        throttleReadIOPSDevice: throttle,
        throttleWriteIOPSDevice: throttle,
      },
    });
  });

  it.each<[Partial<Resources>, string]>([
    [{ memory: 1000 }, "memory limit 1000 is below the minimum of 6 MB"],
    [{ memoryReservation: 1000 }, "memory reservation 1000 is below the minimum of 6 MB"],
    [{ memorySwap: 64 * mebibyte }, "a limit for memory and swap needs a memory limit, too"],
    [{ memory: 64 * mebibyte, memorySwap: 32 * mebibyte }, "is below the memory limit"],
    [{ memory: 8 * mebibyte, memoryReservation: 9 * mebibyte }, "is above the memory limit"],
    [{ memorySwappiness: 101 }, "memory swappiness 101 is not between 0 and 100"],
    [{ nanoCpus: 5e9 }, "5 CPUs are out of range: this host has 4"],
    [{ nanoCpus: 1e9, cpuQuota: 1000 }, "--cpus cannot be set together with --cpu-quota"],
    [{ nanoCpus: 1e9, cpuPeriod: 1000 }, "--cpus cannot be set together with --cpu-quota or --cpu-period"],
    [{ cpuPeriod: 10 }, "CPU period 10 is not between 1000"],
    [{ cpuQuota: 10 }, "CPU quota 10 is below 1000"],
    [{ cpuShares: 1 }, "1 CPU shares are below the least of 2"],
    [{ cpuRealtimePeriod: 10, cpuRealtimeRuntime: 11 }, "CPU real-time runtime 11 is above its period 10"],
    [{ cpusetCpus: "0-" }, 'list of CPUs "0-" is not of the form 0-2,4'],
    [{ cpusetMems: "a" }, 'list of memory nodes "a" is not of the form'],
    [{ blkioWeight: 9 }, "blkio weight 9 is not between 10 and 1000"],
    [{ blkioWeightDevice: [{ path: "/dev/sda", value: 1001 }] }, "blkio weight 1001 is not between"],
    [{ blkioDeviceReadBps: [{ path: "/dev/sda", value: -1 }] }, "rate -1 of /dev/sda is below 0"],
  ])("that make no sense are refused: %j", (wishes, sentence) => {
    expect(() => build(wishes)).toThrow(sentence);
  });

  it("that this host lacks are left out with a warning, as docker's are", () => {
    const bare = { controllers: new Set<string>(), limits: new Set<never>(), swapAccounting: false };
    const wishes = { memory: 64 * mebibyte, nanoCpus: 1e9, cpusetCpus: "0", pidsLimit: 5, blkioWeight: 100 };
    const { limits, warnings } = build(wishes, bare);
    expect(limits).toEqual({});
    expect(warnings.map((text) => /no \w+ controller|--blkio-weight/.exec(text)?.[0])).toEqual([
      "no memory controller",
      "no cpu controller",
      "no cpuset controller",
      "no pids controller",
      "--blkio-weight",
    ]);
    const withoutSwap = build({ memory: 64 * mebibyte }, { swapAccounting: false });
    expect(withoutSwap.limits).toEqual({ memory: { limit: 64 * mebibyte } });
    expect(withoutSwap.warnings).toEqual(["this host does not count swap: memory is limited, swap is not"]);
    expect(() => build({ cpuRealtimeRuntime: 5 }, bare)).toThrow("no real-time scheduling");
    expect(build({ oomKillDisable: true }).warnings[0]).toContain("without a memory limit");
  });

  it("taken away from what runs are told, where a new container would say nothing", () => {
    const live = buildLiveResources({ ...unlimited, pidsLimit: -1 }, { host, devices, warn: () => {} });
    expect(live).toEqual({ pids: { limit: -1 } });
  });

  it("of more shares than a kernel takes are refused", () => {
    expect(build({ cpuShares: 262_144 }).limits).toMatchObject({ cpu: { shares: 262_144 } });
    expect(() => build({ cpuShares: 262_145 })).toThrow("262145 CPU shares are above the most of 262144");
  });

  it("of more processes than a kernel has are none, which it would refuse", () => {
    expect(build({ pidsLimit: 4_194_304 }).limits).toEqual({ pids: { limit: 4_194_304 } });
    expect(build({ pidsLimit: 2 ** 31 }).limits).toEqual({});
    const live = buildLiveResources({ ...unlimited, pidsLimit: 2 ** 31 }, { host, devices, warn: () => {} });
    expect(live).toEqual({ pids: { limit: -1 } });
  });
});

describe("limits as files of a cgroup", () => {
  const legacy = new Cgroups(
    ["cpu", "memory", "pids", "cpuset", "blkio"].map((controller) => ({
      version: 1,
      mountPoint: `/cg/${controller}`,
      mountRoot: "/",
      controllers: [controller],
    })),
    new Set(),
  );
  const unified = new Cgroups(
    [{ version: 2, mountPoint: "/cg", mountRoot: "/", controllers: ["cpu", "memory", "pids", "cpuset", "io"] }],
    new Set(),
  );
  const hybrid = new Cgroups(
    [
      { version: 1, mountPoint: "/cg/memory", mountRoot: "/", controllers: ["memory"] },
      { version: 2, mountPoint: "/cg/unified", mountRoot: "/", controllers: ["cpu", "pids", "io"] },
    ],
    new Set(),
  );
  const linesOf = (wishes: Partial<Resources>, cgroups: Cgroups) =>
    cgroupWrites(build(wishes).limits, cgroups).map(({ files, value }) => `${files[0]} ${value}`);
  const wishes: Partial<Resources> = {
    memory: 64 * mebibyte,
    memoryReservation: 32 * mebibyte,
    cpuShares: 1024,
    cpuQuota: 20_000,
    cpuPeriod: 50_000,
    cpusetCpus: "0",
    pidsLimit: 10,
    blkioWeight: 500,
    blkioDeviceReadBps: [{ path: "/dev/sda", value: 1024 }],
  };

  it("on v1", () => {
    expect(linesOf(wishes, legacy)).toEqual([
      "memory.limit_in_bytes 67108864",
      "memory.memsw.limit_in_bytes 134217728",
      "memory.soft_limit_in_bytes 33554432",
      "cpu.shares 1024",
      "cpu.cfs_period_us 50000",
      "cpu.cfs_quota_us 20000",
      "cpuset.cpus 0",
      "pids.max 10",
      "blkio.weight 500",
      "blkio.throttle.read_bps_device 8:0 1024",
    ]);
  });

  it("on v2", () => {
    expect(linesOf(wishes, unified)).toEqual([
      "memory.max 67108864",
      "memory.swap.max 67108864",
      "memory.low 33554432",
      "cpu.weight 39",
      "cpu.max 20000 50000",
      "cpuset.cpus 0",
      "pids.max 10",
      "io.weight 4950",
      "io.max 8:0 rbps=1024",
    ]);
    expect(linesOf({ memory: 64 * mebibyte, memorySwap: -1, cpuQuota: -1 }, unified)).toEqual([
      "memory.max 67108864",
      "memory.swap.max max",
      "cpu.max max 100000",
    ]);
    const rates = { blkioDeviceWriteIOps: [{ path: "/dev/sda", value: 0 }] };
    expect(linesOf(rates, unified)).toEqual(["io.max 8:0 wiops=max"]);
  });

  it("on a host that has some of both", () => {
    expect(linesOf({ memory: 64 * mebibyte, cpuShares: 2, pidsLimit: 10 }, hybrid)).toEqual([
      "memory.limit_in_bytes 67108864",
      "memory.memsw.limit_in_bytes 134217728",
      "cpu.weight 1",
      "pids.max 10",
    ]);
  });

  it("keep the runtimes' conversions at both ends", () => {
    expect([2, 1024, 262_144].map(weightOfShares)).toEqual([1, 39, 10_000]);
    expect([10, 500, 1000].map(weightOfBlkio)).toEqual([1, 4950, 10_000]);
  });

  it("are brought back in the words in which they are written", () => {
    const [rate] = cgroupWrites(build({ blkioDeviceReadBps: [{ path: "/dev/sda", value: 5 }] }).limits, unified);
    const [old] = cgroupWrites(build({ blkioDeviceReadBps: [{ path: "/dev/sda", value: 5 }] }).limits, legacy);
    const [weight] = cgroupWrites(build({ blkioWeight: 100 }).limits, unified);
    const [killer] = cgroupWrites(build({ oomKillDisable: true }).limits, legacy);
    if (!rate || !old || !weight || !killer) throw new Error("a limit without a file");
    expect(valueBefore("8:0 rbps=7 wbps=max riops=max wiops=max\n", rate)).toBe(
      "8:0 rbps=7 wbps=max riops=max wiops=max",
    );
    expect(valueBefore("8:16 rbps=7\n", rate)).toBe("8:0 rbps=max wbps=max riops=max wiops=max");
    expect(valueBefore("", old)).toBe("8:0 0");
    expect(valueBefore("default 100\n8:0 50\n", weight)).toBe("100");
    expect(valueBefore("oom_kill_disable 0\nunder_oom 0\n", killer)).toBe("0");
  });
});
