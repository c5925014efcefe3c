import { cpus, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cgroups, openCgroups } from "../host/cgroups.ts";
import type { StatsSample } from "../protocol/stats.ts";
import { CgroupCounters } from "./cgroup-counters.ts";
import { readCgroupDetails } from "./cgroup-details.ts";
import { SampleHistory } from "./sample-history.ts";
import { createSample, type HostSize, type Reading } from "./sample-rates.ts";
import type { StatsDetails, StatsSampler, Watched } from "./stats-sampler.ts";

export type SamplerOptions = {
  /** Milliseconds between passes; default 1000. */
  readonly interval?: number;
  readonly cgroups?: Cgroups;
};

/** Rates over less than this are noise: the scheduler accounts a running process's time once a tick, up to 10 ms apart. */
const shortestSpan = 200;

type Entry = {
  watched: Watched;
  counters: CgroupCounters;
  readonly history: SampleHistory;
  reading: Reading | null;
  newest: StatsSample | null;
};

/** Runs no timer while nothing is watched. */
export function openStatsSampler(options: SamplerOptions = {}): StatsSampler {
  return new CgroupStatsSampler(options.cgroups ?? openCgroups(), options.interval ?? 1000);
}

class CgroupStatsSampler implements StatsSampler {
  readonly #cgroups: Cgroups;
  readonly #interval: number;
  readonly #shortestSpan: number;
  readonly #host: HostSize = { cpus: cpus().length, memory: totalmem() };
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(samples: readonly StatsSample[]) => void>();
  #timer: NodeJS.Timeout | null = null;

  constructor(cgroups: Cgroups, interval: number) {
    this.#cgroups = cgroups;
    this.#interval = interval;
    this.#shortestSpan = Math.min(shortestSpan, interval / 2);
  }

  /** Watching again (after a restart of the container) keeps the history. */
  watch(watched: Watched): void {
    const known = this.#entries.get(watched.container);
    known?.counters.close();
    const entry: Entry = {
      watched,
      counters: new CgroupCounters(this.#cgroups, watched),
      history: known?.history ?? new SampleHistory(),
      reading: null,
      newest: null,
    };
    this.#entries.set(watched.container, entry);
    this.#take(entry);
    this.#timer ??= setInterval(() => this.#pass(), this.#interval).unref();
  }

  unwatch(container: string): void {
    this.#entries.get(container)?.counters.close();
    this.#entries.delete(container);
    if (this.#entries.size === 0) this.#stop();
  }

  async sample(containers: readonly string[]): Promise<StatsSample[]> {
    const asked = containers.length === 0 ? [...this.#entries.keys()] : containers;
    const withoutRates = this.#known(asked).filter(({ newest }) => newest === null || newest.cpu.percent === null);
    if (withoutRates.length > 0) {
      for (const entry of withoutRates) this.#take(entry);
      await sleep(this.#shortestSpan + 10);
      for (const entry of withoutRates) {
        if (this.#isWatched(entry) && entry.newest?.cpu.percent == null) this.#take(entry);
      }
    }
    return this.#known(asked).flatMap(({ newest }) => newest ?? []);
  }

  async details(container: string, patient: boolean): Promise<StatsDetails | null> {
    const entry = this.#entries.get(container);
    const counters = entry === undefined ? null : readCgroupDetails(this.#cgroups, entry.watched);
    if (entry === undefined || counters === null) return null;
    const time = Date.now();
    const before = this.#momentBefore(entry, time);
    if (before !== null || !patient) return { time, counters, before };
    await sleep(this.#shortestSpan + 10);
    const after = readCgroupDetails(this.#cgroups, entry.watched);
    if (after === null) return { time, counters, before };
    return { time: Date.now(), counters: after, before: { time, cpuTotal: counters.cpu.total } };
  }

  history(container: string, seconds: number): StatsSample[] {
    return this.#entries.get(container)?.history.since(container, Date.now() - seconds * 1000) ?? [];
  }

  onSamples(listener: (samples: readonly StatsSample[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    this.#stop();
    for (const { counters } of this.#entries.values()) counters.close();
    this.#entries.clear();
    this.#listeners.clear();
  }

  #known(containers: readonly string[]): Entry[] {
    return containers.flatMap((container) => this.#entries.get(container) ?? []);
  }

  /** Of the last two passes the later one that is not too near. */
  #momentBefore({ watched, history, newest }: Entry, now: number): StatsDetails["before"] {
    const samples = history.since(watched.container, now - (3 * this.#interval + this.#shortestSpan));
    const sample = [...samples, ...(newest === null ? [] : [newest])].findLast(
      ({ time }) => time <= now - this.#shortestSpan,
    );
    return sample === undefined ? null : { time: sample.time, cpuTotal: sample.cpu.total };
  }

  #isWatched(entry: Entry): boolean {
    return this.#entries.get(entry.watched.container) === entry;
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #pass(): void {
    const samples: StatsSample[] = [];
    for (const entry of this.#entries.values()) {
      if (!this.#take(entry) || entry.newest === null) continue;
      entry.history.push(entry.newest);
      samples.push(entry.newest);
    }
    for (const listener of this.#listeners) listener(samples);
  }

  /** False where the container is gone: it has no sample in this pass, and its next one has no rates. */
  #take(entry: Entry): boolean {
    const before = entry.reading;
    if (before !== null && performance.now() - before.at < this.#shortestSpan) return true;
    const counters = entry.counters.read();
    if (counters === null) {
      entry.reading = null;
      entry.newest = null;
      return false;
    }
    const at = performance.now();
    const flowsAt = before !== null && entry.counters.isResting ? before.flowsAt : at;
    const now: Reading = { at, flowsAt, counters };
    const { container, nanoCpus } = entry.watched;
    entry.newest = createSample({ container, nanoCpus, host: this.#host, time: Date.now() }, now, before);
    entry.reading = now;
    return true;
  }
}
