import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Cgroups, type Hierarchy } from "../../../engine/host/cgroups.ts";
import { CgroupCounters } from "../../../engine/metrics/cgroup-counters.ts";

/** Files as the kernels of both versions write them, in directories of our own: no host has every arrangement. */
let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-counters-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const unifiedFiles = {
  "cpu.stat":
    "usage_usec 2500\nuser_usec 2000\nsystem_usec 500\nnr_periods 40\nnr_throttled 10\nthrottled_usec 7\nnr_bursts 0\n",
  "memory.current": "9000\n",
  "memory.stat":
    "anon 100\nfile 5000\nfile_mapped 1\ninactive_anon 3\nactive_anon 4\ninactive_file 4000\nactive_file 9\n",
  "memory.max": "10000\n",
  "memory.events": "low 0\nhigh 0\nmax 5\noom 3\noom_kill 2\noom_group_kill 0\n",
  "pids.current": "7\n",
  "pids.max": "max\n",
  "cpuset.cpus.effective": "0-1\n",
  "io.stat":
    "8:0 rbytes=100 wbytes=20 rios=3 wios=4 dbytes=0 dios=0\n253:0 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=9 dios=9\n",
};

function write(mount: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, mount, "gantry/a", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

function hierarchy(version: 1 | 2, mount: string, controllers: string[]): Hierarchy {
  return { version, mountPoint: join(directory, mount), mountRoot: "/", controllers };
}

function read(hierarchies: readonly Hierarchy[]) {
  const watched = { container: "a", cgroupPath: "gantry/a", pid: 0, hasNetwork: false, nanoCpus: null };
  const counters = new CgroupCounters(new Cgroups(hierarchies, new Set()), watched);
  try {
    return counters.read();
  } finally {
    counters.close();
  }
}

it("reads v2", () => {
  write("", unifiedFiles);
  expect(read([hierarchy(2, "", ["cpu", "cpuset", "memory", "pids", "io"])])).toEqual({
    cpuTotal: 2_500_000,
    periods: 40,
    throttledPeriods: 10,
    memoryUsage: 9000,
    inactiveFile: 4000,
    cache: 5000,
    memoryLimit: 10_000,
    oomKills: 2,
    pids: 7,
    pidsLimit: null,
    readBytes: 101,
    writtenBytes: 22,
    receivedBytes: 0,
    sentBytes: 0,
    cpusetSize: 2,
  });
});

it("knows no limit in v2's `max`", () => {
  write("", { ...unifiedFiles, "memory.max": "max\n", "pids.max": "100\n" });
  expect(read([hierarchy(2, "", ["cpu", "memory", "pids"])])).toMatchObject({
    memoryLimit: Number.POSITIVE_INFINITY,
    pidsLimit: 100,
  });
});

it("reads v1 with cpu and cpuacct joined, as most distributions mount it", () => {
  write("cpu,cpuacct", { "cpuacct.usage": "123456\n", "cpu.stat": "nr_periods 8\nnr_throttled 2\nthrottled_time 5\n" });
  write("memory", {
    "memory.usage_in_bytes": "800\n",
    "memory.stat":
      "cache 1\ninactive_file 2\nhierarchical_memory_limit 4096\ntotal_cache 300\ntotal_inactive_file 200\ntotal_active_file 1\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
  });
  write("blkio", { "blkio.throttle.io_service_bytes_recursive": "8:0 Read 10\n8:0 Write 3\n8:0 Total 13\nTotal 13\n" });
  const counters = read([
    hierarchy(1, "cpu,cpuacct", ["cpu", "cpuacct"]),
    hierarchy(1, "memory", ["memory"]),
    hierarchy(1, "blkio", ["blkio"]),
  ]);
  expect(counters).toMatchObject({
    cpuTotal: 123_456,
    periods: 8,
    throttledPeriods: 2,
    memoryUsage: 800,
    inactiveFile: 200,
    cache: 300,
    memoryLimit: 4096,
    oomKills: 4,
    readBytes: 10,
    writtenBytes: 3,
    pids: 0,
  });
});

it("counts CPU time in v2 where cpuacct is missing and cpu is v1", () => {
  write("cpu", { "cpu.stat": "nr_periods 8\nnr_throttled 2\nthrottled_time 5\n" });
  write("unified", { "cpu.stat": "usage_usec 9\nuser_usec 9\nsystem_usec 0\n" });
  expect(read([hierarchy(1, "cpu", ["cpu"]), hierarchy(2, "unified", [])])).toMatchObject({
    cpuTotal: 9000,
    periods: 8,
    throttledPeriods: 2,
  });
});

it("is nothing where the cgroup is not there", () => {
  expect(read([hierarchy(2, "", ["cpu", "memory"])])).toBeNull();
});

it("reads of a container whose processes have not run only their time, and all of it now and then", () => {
  write("", unifiedFiles);
  const watched = { container: "a", cgroupPath: "gantry/a", pid: 0, hasNetwork: false, nanoCpus: null };
  const counters = new CgroupCounters(
    new Cgroups([hierarchy(2, "", ["cpu", "cpuset", "memory", "pids", "io"])], new Set()),
    watched,
  );
  try {
    expect(counters.read()).toMatchObject({ memoryUsage: 9000, pids: 7, writtenBytes: 22 });
    write("", { "memory.current": "9500\n", "pids.current": "8\n", "io.stat": "8:0 rbytes=100 wbytes=30\n" });
    const rests = Array.from({ length: 5 }, () => ({ ...counters.read(), isResting: counters.isResting }));
    expect(rests.map((one) => one.memoryUsage)).toEqual([9000, 9000, 9000, 9000, 9500]);
    expect(rests[3]).toMatchObject({ pids: 7, writtenBytes: 22, isResting: true });
    expect(rests[4]).toMatchObject({ pids: 8, writtenBytes: 30, isResting: false });

    write("", { "memory.current": "9900\n", "cpu.stat": "usage_usec 2501\nnr_periods 40\nnr_throttled 10\n" });
    expect(counters.read()).toMatchObject({ memoryUsage: 9900, cpuTotal: 2_501_000 });
    expect(counters.isResting).toBe(false);
  } finally {
    counters.close();
  }
});
