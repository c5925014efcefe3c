import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Cgroups } from "../host/cgroups.ts";
import { countCpus, fieldAfter, lineKey, numberAt, sumAfter, sumNetworkBytes } from "./number-fields.ts";
import type { Watched } from "./stats-sampler.ts";

/** What the kernel has counted for one container up to one moment. Bytes and nanoseconds. */
export type Counters = {
  cpuTotal: number;
  periods: number;
  throttledPeriods: number;
  memoryUsage: number;
  inactiveFile: number;
  cache: number;
  /** Infinity without one. */
  memoryLimit: number;
  oomKills: number;
  pids: number;
  pidsLimit: number | null;
  readBytes: number;
  writtenBytes: number;
  receivedBytes: number;
  sentBytes: number;
  /** CPUs in its cpuset; 0 where the host has none. */
  cpusetSize: number;
};

/** One pass is synchronous, so all containers share this. The largest file (v2's memory.stat) is below 4 KiB. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

const keys = {
  usage: lineKey("usage_usec"),
  periods: lineKey("nr_periods"),
  throttled: lineKey("nr_throttled"),
  totalInactiveFile: lineKey("total_inactive_file"),
  totalCache: lineKey("total_cache"),
  hierarchicalLimit: lineKey("hierarchical_memory_limit"),
  inactiveFile: lineKey("inactive_file"),
  file: lineKey("file"),
  oomKill: lineKey("oom_kill"),
  read: Buffer.from(" Read "),
  write: Buffer.from(" Write "),
  readBytes: Buffer.from("rbytes="),
  writtenBytes: Buffer.from("wbytes="),
};

type Reader = { readonly fd: number; readonly take: (counters: Counters, length: number) => void };
type Take = Reader["take"];

/**
 * Passes in a row in which only the processor time of a container is read: none of its processes has run, so it is believed to be as it
 * was. Not for longer, since the kernel may move packets, write back files or take memory without them.
 */
const longestRest = 4;

/** Open files of one container's cgroups. Reading again from the start of an open file spares the walk through the path. */
export class CgroupCounters {
  readonly #cgroups: Cgroups;
  readonly #watched: Watched;
  /** Of the processor time. */
  readonly #clock: Reader[] = [];
  readonly #others: Reader[] = [];
  #last: Counters | null = null;
  #rests = 0;

  constructor(cgroups: Cgroups, watched: Watched) {
    this.#cgroups = cgroups;
    this.#watched = watched;
  }

  /** Null where the container is gone, or not there yet; asking again looks again. */
  read(): Counters | null {
    if (this.#clock.length === 0) this.#open();
    if (this.#clock.length === 0) return null;
    const counters: Counters = { ...(this.#last ?? emptyCounters()) };
    try {
      readAll(this.#clock, counters);
      const hasRested = counters.cpuTotal > 0 && counters.cpuTotal === this.#last?.cpuTotal;
      this.#rests = hasRested && this.#rests < longestRest ? this.#rests + 1 : 0;
      if (this.#rests > 0) return this.#last;
      readAll(this.#others, counters);
    } catch {
      // ENODEV: the cgroup was removed while its files were open.
      this.close();
      return null;
    }
    if (this.#watched.hasNetwork) readNetwork(this.#watched.pid, counters);
    this.#last = counters;
    return counters;
  }

  /** That read() has given what it gave before, with no look at anything but the processor time. */
  get isResting(): boolean {
    return this.#rests > 0;
  }

  close(): void {
    for (const { fd } of [...this.#clock, ...this.#others]) closeSync(fd);
    this.#clock.length = 0;
    this.#others.length = 0;
    this.#last = null;
    this.#rests = 0;
  }

  #open(): void {
    const others = this.#others;
    this.#openCpu();
    if (this.#cgroups.findHierarchy("blkio")?.version === 2) this.#add(others, "io", ["io.stat"], takeIoStat);
    else {
      const files = ["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"];
      this.#add(others, "blkio", files, takeBlkio);
    }
    this.#openMemory();
    this.#add(others, "cpuset", ["cpuset.cpus.effective", "cpuset.effective_cpus"], (counters, length) => {
      counters.cpusetSize = countCpus(scratch.toString("latin1", 0, length));
    });
    this.#add(others, "pids", ["pids.current"], (counters, length) => {
      counters.pids = numberAt(scratch, 0, length) ?? 0;
    });
    this.#add(others, "pids", ["pids.max"], (counters, length) => {
      counters.pidsLimit = numberAt(scratch, 0, length);
    });
  }

  #openCpu(): void {
    if (this.#cgroups.findHierarchy("cpuacct") === null) {
      // cgroup2 counts the time in every cgroup, whether the cpu controller is there or not.
      this.#add(this.#clock, "", ["cpu.stat"], takeUnifiedCpu);
      if (this.#cgroups.findHierarchy("cpu")?.version !== 1) return;
    } else {
      this.#add(this.#clock, "cpuacct", ["cpuacct.usage"], (counters, length) => {
        counters.cpuTotal = numberAt(scratch, 0, length) ?? 0;
      });
    }
    this.#add(this.#others, "cpu", ["cpu.stat"], takePeriods);
  }

  #openMemory(): void {
    const others = this.#others;
    if (this.#cgroups.findHierarchy("memory")?.version === 2) {
      this.#add(others, "memory", ["memory.stat"], takeUnifiedMemory);
      this.#add(others, "memory", ["memory.max"], (counters, length) => {
        counters.memoryLimit = numberAt(scratch, 0, length) ?? Number.POSITIVE_INFINITY;
      });
    } else {
      this.#add(others, "memory", ["memory.stat"], takeMemory);
    }
    this.#add(others, "memory", ["memory.current", "memory.usage_in_bytes"], (counters, length) => {
      counters.memoryUsage = numberAt(scratch, 0, length) ?? 0;
    });
    this.#add(others, "memory", ["memory.events", "memory.oom_control"], (counters, length) => {
      counters.oomKills = fieldAfter(scratch, length, keys.oomKill) ?? 0;
    });
  }

  /** The first of `names` that exists; none: its figure stays 0. An empty controller is the cgroup2 hierarchy itself. */
  #add(readers: Reader[], controller: string, names: readonly string[], take: Take): void {
    const hierarchy = controller === "" ? this.#cgroups.findUnified() : this.#cgroups.findHierarchy(controller);
    if (hierarchy === null) return;
    const directory = this.#cgroups.directoryIn(hierarchy, this.#watched.cgroupPath);
    for (const name of names) {
      try {
        readers.push({ fd: openSync(join(directory, name), "r"), take });
        return;
      } catch {
        // Not in this version, or the cgroup is gone.
      }
    }
  }
}

function readAll(readers: readonly Reader[], counters: Counters): void {
  for (const { fd, take } of readers) take(counters, readSync(fd, scratch, 0, scratch.length, 0));
}

function emptyCounters(): Counters {
  return {
    cpuTotal: 0,
    periods: 0,
    throttledPeriods: 0,
    memoryUsage: 0,
    inactiveFile: 0,
    cache: 0,
    memoryLimit: Number.POSITIVE_INFINITY,
    oomKills: 0,
    pids: 0,
    pidsLimit: null,
    readBytes: 0,
    writtenBytes: 0,
    receivedBytes: 0,
    sentBytes: 0,
    cpusetSize: 0,
  };
}

function takePeriods(counters: Counters, length: number): void {
  counters.periods = fieldAfter(scratch, length, keys.periods) ?? 0;
  counters.throttledPeriods = fieldAfter(scratch, length, keys.throttled) ?? 0;
}

function takeUnifiedCpu(counters: Counters, length: number): void {
  counters.cpuTotal = (fieldAfter(scratch, length, keys.usage) ?? 0) * 1000;
  takePeriods(counters, length);
}

/** v1: `total_` includes cgroups below; the limit is the lowest of its own and its parents'. */
function takeMemory(counters: Counters, length: number): void {
  counters.inactiveFile = fieldAfter(scratch, length, keys.totalInactiveFile) ?? 0;
  counters.cache = fieldAfter(scratch, length, keys.totalCache) ?? 0;
  counters.memoryLimit = fieldAfter(scratch, length, keys.hierarchicalLimit) ?? Number.POSITIVE_INFINITY;
}

function takeUnifiedMemory(counters: Counters, length: number): void {
  counters.inactiveFile = fieldAfter(scratch, length, keys.inactiveFile) ?? 0;
  counters.cache = fieldAfter(scratch, length, keys.file) ?? 0;
}

function takeBlkio(counters: Counters, length: number): void {
  counters.readBytes = sumAfter(scratch, length, keys.read);
  counters.writtenBytes = sumAfter(scratch, length, keys.write);
}

function takeIoStat(counters: Counters, length: number): void {
  counters.readBytes = sumAfter(scratch, length, keys.readBytes);
  counters.writtenBytes = sumAfter(scratch, length, keys.writtenBytes);
}

/** Opened anew each time: an open file under /proc/<pid>/net keeps the whole network namespace alive. */
function readNetwork(pid: number, counters: Counters): void {
  counters.receivedBytes = 0;
  counters.sentBytes = 0;
  try {
    const fd = openSync(`/proc/${pid}/net/dev`, "r");
    try {
      const length = readSync(fd, scratch, 0, scratch.length, 0);
      Object.assign(counters, sumNetworkBytes(scratch.toString("latin1", 0, length)));
    } finally {
      closeSync(fd);
    }
  } catch {
    // The process has ended; the figures of this pass stay 0 and its rates are none.
  }
}
