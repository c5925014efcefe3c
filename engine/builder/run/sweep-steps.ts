import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../errors.ts";
import { listMounts } from "../../host/mountinfo.ts";
import { unmount } from "../../host/mounts.ts";
import { identifyProcess, isAlive, signalProcess } from "../../host/processes.ts";
import { type ClearOptions, clearStep } from "./clear-step.ts";
import { listSteps, StepPlace, stepRuntimeRoot } from "./step-place.ts";

const sigkill = 9;
/** Milliseconds for killed processes to be gone. */
const patience = 3000;

/** error: why something of it is still there; null: nothing is. */
export type ClearedStep = { readonly id: string; readonly error: string | null };

/**
 * Ends steps of an engine that was killed, all of them whatever comes of one. Their place on the network goes with the namespaces that nobody
 * knows.
 */
export async function sweepSteps(options: ClearOptions): Promise<ClearedStep[]> {
  const { config } = options;
  await endRuntimes(stepRuntimeRoot(config));
  const cleared: ClearedStep[] = [];
  for (const id of await listSteps(config)) {
    const place = new StepPlace(config, id);
    try {
      await unmountBelow(place.directory);
      await clearStep(options, place, await place.cgroupPath());
      cleared.push({ id, error: null });
    } catch (error) {
      cleared.push({ id, error: messageOf(error) });
    }
  }
  return cleared;
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
