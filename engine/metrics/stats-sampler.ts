import type { StatsSample } from "../protocol/stats.ts";
import type { CgroupDetails } from "./cgroup-details.ts";

/** A running container to watch. */
export type Watched = {
  readonly container: string;
  /** Path below each hierarchy's root, as /proc/<pid>/cgroup says, e.g. `gantry/<id>`. */
  readonly cgroupPath: string;
  /** A process in the container's netns. */
  readonly pid: number;
  /** False: no network of its own, network figures are 0. */
  readonly hasNetwork: boolean;
  readonly nanoCpus: number | null;
};

export type StatsDetails = {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly counters: CgroupDetails;
  /** Processor time used by an earlier moment, or null where there is none. */
  readonly before: { readonly time: number; readonly cpuTotal: number } | null;
};

/**
 * Reads cgroups v1 and v2 once a second while something runs, in one pass for all. Keeps ten minutes of history a container in
 * flat arrays. Of a container in which nothing ran since the pass before only the processor time is read, for at most four passes: what
others send to it, and what the kernel writes back for it, may show that much later, as a rate over that time.
 */
export interface StatsSampler extends Disposable {
  watch(container: Watched): void;
  /** Drops a container and its history. */
  unwatch(container: string): void;
  /** The newest sample of each, in order asked; empty: all. Takes two readings where there is none with rates yet. */
  sample(containers: readonly string[]): Promise<StatsSample[]>;
  /**
   * All that is counted for one container, now; null where it does not run. The moment before is that of a pass, so that there is one at
   * once; patient: is waited for where there was no pass yet.
   */
  details(container: string, patient: boolean): Promise<StatsDetails | null>;
  history(container: string, seconds: number): StatsSample[];
  /** After each pass, with all samples of it. */
  onSamples(listener: (samples: readonly StatsSample[]) => void): () => void;
}
