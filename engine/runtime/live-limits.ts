import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError, messageOf } from "../errors.ts";
import type { Cgroups } from "../host/cgroups.ts";
import type { Resources } from "../protocol/resources.ts";
import { findBlockDevices } from "./spec/block-devices.ts";
import { type CgroupWrite, cgroupWrites } from "./spec/cgroup-writes.ts";
import { getHostFacts } from "./spec/host-facts.ts";
import { buildLiveResources, defaultPeriod, type SpecResources } from "./spec/resources.ts";
import type { HostFacts } from "./spec/types.ts";

export type LiveCgroup = {
  readonly cgroups: Cgroups;
  readonly cgroupPath: string;
  /** For messages. */
  readonly container: string;
};

/** A file with the value it is to have, and the one that brings it back. */
type Change = { readonly path: string; readonly value: string; readonly before: string; readonly write: CgroupWrite };

/** See ContainerRuntime.update(). */
export async function updateLimits(
  live: LiveCgroup,
  resources: Resources,
  whole: boolean,
): Promise<{ warnings: string[] }> {
  const warnings: string[] = [];
  const host = getHostFacts();
  const devices = await findBlockDevices(resources);
  const limits = buildLiveResources(resources, { host, devices, warn: (text) => warnings.push(text) });
  await changeLimits(live, whole ? await completed(live, limits, host) : limits);
  return { warnings };
}

/** With what a cgroup has where nothing was said. */
async function completed(live: LiveCgroup, limits: SpecResources, host: HostFacts): Promise<SpecResources> {
  const has = (controller: string) => host.controllers.has(controller);
  const swap = host.swapAccounting ? { swap: -1 } : {};
  const cpuset = has("cpuset") ? { cpus: await cpusetAbove(live, "cpus"), mems: await cpusetAbove(live, "mems") } : {};
  const time = has("cpu") ? { shares: 1024, quota: -1, period: defaultPeriod } : {};
  return {
    ...limits,
    ...(has("memory") ? { memory: { limit: -1, reservation: -1, ...swap, ...limits.memory } } : {}),
    ...(has("cpu") || has("cpuset") ? { cpu: { ...time, ...cpuset, ...limits.cpu } } : {}),
    ...(has("pids") ? { pids: limits.pids ?? { limit: -1 } } : {}),
  };
}

/** v1 has the processors of the cgroup above it written down in each, v2 leaves the file empty. */
async function cpusetAbove({ cgroups, cgroupPath }: LiveCgroup, kind: "cpus" | "mems"): Promise<string> {
  const directory = cgroups.pathOf("cpuset", dirname(cgroupPath));
  if (directory === null || cgroups.findHierarchy("cpuset")?.version === 2) return "\n";
  return (await readFile(join(directory, `cpuset.${kind}`), "latin1")).trim();
}

/**
 * Changes the limits of a cgroup that processes live in, by its own files: no runtime program knows all of them. What is not named stays.
 * Where the kernel refuses one, those before are taken back, and it fails with `failed-precondition` or `invalid-argument`.
 */
async function changeLimits(live: LiveCgroup, resources: SpecResources): Promise<void> {
  await refuseMemoryInUse(live, resources.memory?.limit);
  const planned = await Promise.all(cgroupWrites(resources, live.cgroups).map((write) => plan(live, write)));
  const changes = inOrder(planned.filter((change) => change.before !== change.value));
  const done: Change[] = [];
  for (const change of changes) {
    try {
      await writeFile(change.path, change.value);
      done.push(change);
    } catch (error) {
      await takeBack(done);
      throw explain(live, change, error);
    }
  }
}

async function plan({ cgroups, cgroupPath, container }: LiveCgroup, write: CgroupWrite): Promise<Change> {
  const directory = cgroups.pathOf(write.controller, cgroupPath);
  const file = write.files.find((name) => directory !== null && existsSync(join(directory, name)));
  if (directory === null || file === undefined) {
    throw new EngineError(
      "failed-precondition",
      `container ${container} has no ${write.files[0]}: this limit cannot be changed while it runs`,
      { hint: "stop it, change the limit, start it again" },
    );
  }
  const path = join(directory, file);
  return { path, value: write.value, before: valueBefore(await readFile(path, "latin1"), write), write };
}

/** In the form in which it is written. */
export function valueBefore(text: string, write: CgroupWrite): string {
  const lines = text.trim().split("\n");
  if (write.device !== undefined) {
    return lines.find((line) => line.startsWith(`${write.device?.number} `)) ?? write.device.reset;
  }
  const [first = ""] = lines;
  if (write.files[0] === "memory.oom_control") return first.replace("oom_kill_disable ", "");
  // io.weight and blkio.bfq.weight say `default 100` in their first line.
  return first.replace(/^default /, "");
}

/**
 * Memory and swap together must never be below memory alone (v1), nor a quota above what its period allows: what grows goes first. The
 * period of a quota that shrinks goes first as well, since the kernel looks at their ratio.
 */
function inOrder(changes: readonly Change[]): Change[] {
  const of = (file: string) => changes.find(({ write }) => write.files[0] === file);
  const [memory, swap] = [of("memory.limit_in_bytes"), of("memory.memsw.limit_in_bytes")];
  if (memory === undefined || swap === undefined) return [...changes];
  const grows = swap.value === "-1" || Number(swap.value) > Number(swap.before);
  const first = grows ? [swap, memory] : [memory, swap];
  return [...first, ...changes.filter((change) => change !== memory && change !== swap)];
}

async function takeBack(done: readonly Change[]): Promise<void> {
  for (const { path, before } of [...done].reverse())
    await writeFile(path, before === "" ? "\n" : before).catch(() => {});
}

/** v2 would kill at once where v1 refuses, after it has tried to make room. What only caches files gives way. */
async function refuseMemoryInUse({ cgroups, cgroupPath, container }: LiveCgroup, limit?: number): Promise<void> {
  const directory = cgroups.pathOf("memory", cgroupPath);
  if (limit === undefined || limit < 0 || directory === null) return;
  const isUnified = cgroups.findHierarchy("memory")?.version === 2;
  const [usage, stat] = await Promise.all([
    readFile(join(directory, isUnified ? "memory.current" : "memory.usage_in_bytes"), "latin1").catch(() => "0"),
    readFile(join(directory, "memory.stat"), "latin1").catch(() => ""),
  ]);
  const prefix = isUnified ? "" : "total_";
  const cached = ["inactive_file", "active_file"]
    .map((name) => Number(new RegExp(`^${prefix}${name} (\\d+)$`, "m").exec(stat)?.[1] ?? 0))
    .reduce((sum, bytes) => sum + bytes, 0);
  if (Number(usage) - cached > limit) throw inUse(container, limit, Number(usage) - cached);
}

function inUse(container: string, limit: number, usage: number | null): EngineError {
  const megabytes = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(1)} MB`;
  const used = usage === null ? "more" : megabytes(usage);
  return new EngineError(
    "failed-precondition",
    `container ${container} uses ${used} of memory: its limit cannot be set to ${megabytes(limit)}`,
    { hint: "choose a limit above what it uses, or stop it first" },
  );
}

function explain({ container }: LiveCgroup, { path, value, write }: Change, error: unknown): EngineError {
  const code = (error as NodeJS.ErrnoException).code;
  const isMemory = write.files[0] === "memory.limit_in_bytes" || write.files[0] === "memory.memsw.limit_in_bytes";
  if (code === "EBUSY" && isMemory) return inUse(container, Number(value), null);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const reason: Readonly<Record<string, string>> = {
    EBUSY: "something below it in use needs more",
    EINVAL: "the kernel does not take this value beside the others",
    ENODEV: "the kernel knows no such device",
    EACCES: "the cgroup above it does not allow that much",
    ENOSPC: "nothing would be left",
    ENOENT: "the container has just ended",
    EOPNOTSUPP: "the device's scheduler cannot do it",
    ERANGE: "it is out of range",
  };
  return new EngineError(
    code === "EINVAL" || code === "ERANGE" || code === "ENODEV" ? "invalid-argument" : "failed-precondition",
    `container ${container}: ${name} cannot be set to ${value}: ${reason[code ?? ""] ?? messageOf(error)}`,
    { cause: error },
  );
}
