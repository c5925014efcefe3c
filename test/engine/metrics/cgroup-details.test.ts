import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { toDockerStats } from "../../../engine/docker-api/stats-json.ts";
import { Cgroups, type Hierarchy } from "../../../engine/host/cgroups.ts";
import {
  parseDeviceFields,
  parseDevices,
  parseInterfaces,
  readCgroupDetails,
} from "../../../engine/metrics/cgroup-details.ts";

const watched = { container: "c", cgroupPath: "/box/c", pid: 1, hasNetwork: false, nanoCpus: null };

/** What is read of files such as the kernel has them, by hierarchy. */
function detailsOf(version: 1 | 2, files: Readonly<Record<string, Readonly<Record<string, string>>>>) {
  const root = mkdtempSync(join(tmpdir(), "cgroup-"));
  try {
    const hierarchies = Object.entries(files).map(([name, texts]): Hierarchy => {
      const mountPoint = join(root, name);
      mkdirSync(join(mountPoint, "box/c"), { recursive: true });
      for (const [file, text] of Object.entries(texts)) writeFileSync(join(mountPoint, "box/c", file), text);
      return { version, mountPoint, mountRoot: "/", controllers: name.split(",") };
    });
    return readCgroupDetails(new Cgroups(hierarchies, new Set()), watched);
  } finally {
    rmSync(root, { recursive: true });
  }
}

it("reads all that v2 counts", () => {
  const counters = detailsOf(2, {
    "cpu,io,memory,pids": {
      "cpu.stat": "usage_usec 5000\nuser_usec 3000\nsystem_usec 2000\nnr_periods 4\nnr_throttled 2\nthrottled_usec 7\n",
      "memory.current": "4096\n",
      "memory.max": "max\n",
      "memory.stat": "anon 1024\nfile 2048\ninactive_file 512\n",
      "memory.events": "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n",
      "pids.current": "3\n",
      "pids.max": "100\n",
      "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n",
    },
  });
  expect(counters).toMatchObject({
    version: 2,
    cpu: {
      total: 5e6,
      user: 3e6,
      system: 2e6,
      perProcessor: null,
      periods: 4,
      throttledPeriods: 2,
      throttledTime: 7000,
    },
    memory: { usage: 4096, highestUsage: null, limit: Number.POSITIVE_INFINITY, stats: { inactive_file: 512 } },
    processes: { current: 3, limit: 100 },
  });
  if (counters === null) throw new Error("nothing was read");
  const moment = { time: 1000, counters, before: { time: 500, cpuTotal: 1e6 } };
  const stats = toDockerStats({ id: "c", name: "web" }, moment, null);
  expect(stats).toMatchObject({
    name: "/web",
    pids_stats: { current: 3, limit: 100 },
    memory_stats: { usage: 4096, failcnt: 2, stats: { inactive_file: 512 } },
    precpu_stats: { cpu_usage: { total_usage: 1e6 } },
    blkio_stats: {
      io_service_bytes_recursive: [
        { major: 8, minor: 0, op: "read", value: 10 },
        { major: 8, minor: 0, op: "write", value: 20 },
      ],
      io_serviced_recursive: null,
    },
  });
  expect(stats.memory_stats).not.toHaveProperty("max_usage");
  expect(stats.cpu_stats.cpu_usage).not.toHaveProperty("percpu_usage");
  const idle = { ...moment, counters: { ...counters, blockBytes: [], blockOperations: [] } };
  expect(toDockerStats({ id: "c", name: "web" }, idle, null).blkio_stats.io_service_bytes_recursive).toBeNull();
});

it("reads all that v1 counts", () => {
  const counters = detailsOf(1, {
    cpuacct: {
      "cpuacct.usage": "5000000\n",
      "cpuacct.usage_percpu": "2000000 3000000 \n",
      "cpuacct.stat": "user 3\nsystem 2\n",
    },
    cpu: { "cpu.stat": "nr_periods 4\nnr_throttled 2\nthrottled_time 7000\n" },
    memory: {
      "memory.usage_in_bytes": "4096\n",
      "memory.max_usage_in_bytes": "8192\n",
      "memory.failcnt": "1\n",
      "memory.stat": "cache 1024\nhierarchical_memory_limit 16384\ntotal_inactive_file 512\n",
    },
    pids: { "pids.current": "3\n", "pids.max": "max\n" },
    blkio: { "blkio.throttle.io_service_bytes_recursive": "8:0 Read 10\nTotal 10\n" },
  });
  expect(counters).toMatchObject({
    version: 1,
    cpu: { total: 5e6, user: 3e7, system: 2e7, perProcessor: [2e6, 3e6], throttledTime: 7000 },
    memory: { usage: 4096, highestUsage: 8192, failures: 1, limit: 16384 },
    processes: { current: 3, limit: null },
    blockBytes: [{ major: 8, minor: 0, operation: "Read", value: 10 }],
  });
  if (counters === null) throw new Error("nothing was read");
  expect(toDockerStats({ id: "c", name: "web" }, { time: 1000, counters, before: null }, null)).toMatchObject({
    cpu_stats: { cpu_usage: { percpu_usage: [2e6, 3e6] } },
    precpu_stats: { cpu_usage: { total_usage: 0 } },
    memory_stats: { usage: 4096, max_usage: 8192, failcnt: 1, limit: 16384 },
    pids_stats: { current: 3 },
  });
});

it("finds nothing where the container has gone", () => {
  expect(detailsOf(2, { "cpu,memory": {} })).toBeNull();
});

it("reads what block devices did, of v1 and of v2", () => {
  const v1 = "8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\n253:1 Read 1\nTotal 4097\n";
  expect(parseDevices(v1)).toEqual([
    { major: 8, minor: 0, operation: "Read", value: 4096 },
    { major: 8, minor: 0, operation: "Write", value: 0 },
    { major: 8, minor: 0, operation: "Total", value: 4096 },
    { major: 253, minor: 1, operation: "Read", value: 1 },
  ]);
  const v2 = "8:0 rbytes=4096 wbytes=12 rios=1 wios=2 dbytes=0 dios=0\n8:16 \n";
  expect(parseDeviceFields(v2, { rbytes: "read", wbytes: "write" })).toEqual([
    { major: 8, minor: 0, operation: "read", value: 4096 },
    { major: 8, minor: 0, operation: "write", value: 12 },
    { major: 8, minor: 16, operation: "read", value: 0 },
    { major: 8, minor: 16, operation: "write", value: 0 },
  ]);
});

it("reads interfaces without loopback, names that touch their numbers as well", () => {
  const text = [
    "Inter-|   Receive                                                |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed",
    "    lo:      10       1    0    0    0     0          0         0       10       1    0    0    0     0       0          0",
    "  eth0:1234567890      11    1    2    0     0          0         0      180       3    4    5    0     0       0          0",
  ].join("\n");
  expect(parseInterfaces(text)).toEqual({
    eth0: {
      receivedBytes: 1234567890,
      receivedPackets: 11,
      receiveErrors: 1,
      receiveDrops: 2,
      sentBytes: 180,
      sentPackets: 3,
      sendErrors: 4,
      sendDrops: 5,
    },
  });
});
