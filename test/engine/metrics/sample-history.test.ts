import { expect, it } from "vitest";
import { SampleHistory } from "../../../engine/metrics/sample-history.ts";
import type { StatsSample } from "../../../engine/protocol/stats.ts";

function sampleAt(time: number): StatsSample {
  return {
    container: "a",
    time,
    cpu: { percent: null, percentOfLimit: 3, total: 4, throttledPercent: null, cores: 0.5 },
    memory: { used: 1, cache: 2, limit: 3, limited: true, oomKills: 4 },
    network: { receivedBytes: 5, sentBytes: 6, receiveRate: 7, sendRate: null },
    blockIO: { readBytes: 8, writtenBytes: 9, readRate: null, writeRate: 10 },
    pids: 11,
    pidsLimit: null,
  };
}

it("gives back what it was given", () => {
  const history = new SampleHistory();
  history.push(sampleAt(1));
  expect(history.since("a", 0)).toEqual([sampleAt(1)]);
});

it.each([59, 60, 61, 599, 600, 601, 1500])("keeps the last 600 in order after %i", (count) => {
  const history = new SampleHistory();
  for (let time = 1; time <= count; time++) history.push(sampleAt(time));
  const times = history.since("a", 0).map((sample) => sample.time);
  const kept = Math.min(count, 600);
  expect(times).toEqual(Array.from({ length: kept }, (_, index) => count - kept + 1 + index));
});

it("leaves out what is older than asked for", () => {
  const history = new SampleHistory();
  for (let time = 1; time <= 10; time++) history.push(sampleAt(time));
  expect(history.since("a", 9).map((sample) => sample.time)).toEqual([9, 10]);
});
