import type { StatsSample } from "../protocol/stats.ts";

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
  history(container: string, seconds: number): StatsSample[];
  /** After each pass, with all samples of it. */
  onSamples(listener: (samples: readonly StatsSample[]) => void): () => void;
}
