import { expect, it } from "vitest";
import type { Counters } from "../../../engine/metrics/cgroup-counters.ts";
import { createSample, type SampleOf } from "../../../engine/metrics/sample-rates.ts";

const zero: Counters = {
  cpuTotal: 0,
  periods: 0,
  throttledPeriods: 0,
  memoryUsage: 0,
  inactiveFile: 0,
  cache: 0,
  memoryLimit: Number.POSITIVE_INFINITY,
  oomKills: 0,
  pids: 1,
  pidsLimit: null,
  readBytes: 0,
  writtenBytes: 0,
  receivedBytes: 0,
  sentBytes: 0,
  cpusetSize: 4,
};
const of: SampleOf = { container: "a", nanoCpus: null, host: { cpus: 4, memory: 8000 }, time: 5 };

function sample(later: Partial<Counters>, earlier: Partial<Counters> = {}, options: Partial<SampleOf> = {}) {
  const before = { at: 1000, flowsAt: 1000, counters: { ...zero, ...earlier } };
  return createSample({ ...of, ...options }, { at: 3000, flowsAt: 3000, counters: { ...zero, ...later } }, before);
}

it("has no rates without an earlier reading", () => {
  const first = createSample(of, { at: 1000, flowsAt: 1000, counters: zero }, null);
  expect(first.cpu).toEqual({ percent: null, percentOfLimit: null, total: 0, throttledPercent: null, cores: 4 });
  expect(first.network.receiveRate).toBeNull();
  expect(first.blockIO.writeRate).toBeNull();
});

it("gives CPU in percent of one core and of all it may use", () => {
  const { cpu } = sample({ cpuTotal: 3e9 });
  expect(cpu.percent).toBe(150);
  expect(cpu.percentOfLimit).toBe(37.5);
});

it("measures against the quota, the cpuset and the host, whichever is smallest", () => {
  expect(sample({ cpuTotal: 1e9 }, {}, { nanoCpus: 5e8 }).cpu).toMatchObject({
    cores: 0.5,
    percent: 50,
    percentOfLimit: 100,
  });
  expect(sample({ cpusetSize: 1 }, {}, { nanoCpus: 2e9 }).cpu.cores).toBe(1);
  expect(sample({ cpusetSize: 0 }).cpu.cores).toBe(4);
});

it("spreads what came while a container rested over all that time, and its processor time over the last pass", () => {
  const before = { at: 4000, flowsAt: 1000, counters: { ...zero, cpuTotal: 1e9 } };
  const counters = { ...zero, cpuTotal: 2e9, receivedBytes: 400, writtenBytes: 800 };
  const woken = createSample(of, { at: 5000, flowsAt: 5000, counters }, before);
  expect(woken).toMatchObject({ cpu: { percent: 100 }, network: { receiveRate: 100 }, blockIO: { writeRate: 200 } });
  const resting = createSample(of, { at: 6000, flowsAt: 5000, counters }, { at: 5000, flowsAt: 5000, counters });
  expect(resting).toMatchObject({
    cpu: { percent: 0 },
    network: { receivedBytes: 400, receiveRate: 0 },
    blockIO: { writtenBytes: 800, writeRate: 0 },
  });
});

it("divides by the time that really went by", () => {
  expect(
    sample({ receivedBytes: 500, sentBytes: 100, readBytes: 2, writtenBytes: 4 }, { sentBytes: 50 }),
  ).toMatchObject({
    network: { receivedBytes: 500, receiveRate: 250, sendRate: 25 },
    blockIO: { readRate: 1, writeRate: 2 },
  });
});

it("has no rate where a counter went backwards", () => {
  const restarted = sample({ cpuTotal: 1, receivedBytes: 9 }, { cpuTotal: 2, receivedBytes: 3 });
  expect(restarted.cpu.percent).toBeNull();
  expect(restarted.cpu.percentOfLimit).toBeNull();
  expect(restarted.network.receiveRate).toBe(3);
});

it("tells how often the quota held it back", () => {
  expect(sample({ periods: 20, throttledPeriods: 5 }).cpu.throttledPercent).toBe(25);
  expect(sample({}).cpu.throttledPercent).toBe(0);
  expect(sample({ periods: 1 }, { periods: 2 }).cpu.throttledPercent).toBeNull();
});

it("counts memory without the cache that can be reclaimed, against the limit or the host", () => {
  expect(sample({ memoryUsage: 700, inactiveFile: 200, cache: 300, memoryLimit: 1000 }).memory).toEqual({
    used: 500,
    cache: 300,
    limit: 1000,
    limited: true,
    oomKills: 0,
  });
  expect(sample({ memoryUsage: 1, inactiveFile: 2, memoryLimit: 9e18 }).memory).toMatchObject({
    used: 0,
    limit: 8000,
    limited: false,
  });
});
