import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineConfig } from "../../config.ts";
import { listMounts } from "../../host/mountinfo.ts";
import { unmount } from "../../host/mounts.ts";
import { identifyProcess, isAlive, signalProcess } from "../../host/processes.ts";
import type { Log } from "../../log.ts";
import { listSteps, StepPlace, stepRuntimeRoot } from "./step-place.ts";

const sigkill = 9;
/** Milliseconds for killed processes to be gone. */
const patience = 3000;

export type SweepOptions = {
  readonly config: EngineConfig;
  readonly log: Log;
  readonly clear: (place: StepPlace, cgroupPath: string) => Promise<void>;
};

/** Ends steps of an engine that was killed. Their place on the network goes with the namespaces that nobody knows. */
export async function sweepSteps({ config, log, clear }: SweepOptions): Promise<void> {
  await endRuntimes(stepRuntimeRoot(config));
  for (const id of await listSteps(config)) {
    const place = new StepPlace(config, id);
    log.info("a step of a build that was cut off is cleared away", { id });
    await unmountBelow(place.directory);
    await clear(place, await place.cgroupPath());
  }
}

/** They would go on making what is being cleared away. */
async function endRuntimes(root: string): Promise<void> {
  const runtimes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isOurs(name, root))
    .flatMap((pid) => identifyProcess(Number(pid)) ?? []);
  for (const runtime of runtimes) signalProcess(runtime, sigkill);
  for (const deadline = Date.now() + patience; runtimes.some(isAlive) && Date.now() < deadline; ) await sleep(2);
}

/** `runc --root <root> … run …` */
function isOurs(pid: string, root: string): boolean {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return args[args.indexOf("--root") + 1] === root && args.includes("run");
  } catch {
    return false;
  }
}

/** What was mounted last goes first. */
async function unmountBelow(directory: string): Promise<void> {
  const targets = listMounts()
    .map(({ target }) => target)
    .filter((target) => target.startsWith(`${directory}/`));
  for (const target of targets.reverse()) await unmount(target);
}
