import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { identifyProcess, isAlive, signalProcess } from "../host/processes.ts";

const sigkill = 9;
/** Milliseconds for killed processes to be gone. */
const patience = 3000;

/**
 * Ends the conmons and runtimes with which an engine that was killed was making or deleting containers, but for those that `isLiving`: they go
 * on by themselves, and would make a container behind the back of the next engine. `exits` and `runtimes`: the directories of exit
 * records and of the runtimes' own records, by which they are ours.
 */
export async function endStrays(
  directories: { readonly exits: string; readonly runtimes: string },
  isLiving: (id: string) => boolean,
): Promise<void> {
  // Twice: a conmon may have started its runtime between the two.
  for (let round = 0; round < 2; round++) {
    const strays = findStrays(directories, isLiving);
    if (strays.length === 0) return;
    for (const stray of strays) signalProcess(stray, sigkill);
    for (const deadline = Date.now() + patience; strays.some(isAlive) && Date.now() < deadline; ) await sleep(5);
  }
}

function findStrays(
  { exits, runtimes }: { readonly exits: string; readonly runtimes: string },
  isLiving: (id: string) => boolean,
) {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const argv = argumentsOf(pid);
    const id = ofConmon(argv, exits) ?? ofRuntime(argv, runtimes);
    if (id === null || isLiving(id)) return [];
    return identifyProcess(Number(pid)) ?? [];
  });
}

/** `conmon … -u <id> … --exit-dir <exits> …`; a conmon of an exec has no such directory. */
function ofConmon(argv: readonly string[], exits: string): string | null {
  if (argv[0]?.endsWith("conmon") !== true || wordAfter(argv, "--exit-dir") !== exits) return null;
  return wordAfter(argv, "-u");
}

/** `runc --root <runtimes>/runc … create … <id>`: the id comes last. */
function ofRuntime(argv: readonly string[], runtimes: string): string | null {
  if (wordAfter(argv, "--root")?.startsWith(`${runtimes}/`) !== true || !argv.includes("create")) return null;
  return argv.at(-1) ?? null;
}

function wordAfter(argv: readonly string[], flag: string): string | null {
  const index = argv.indexOf(flag);
  return index === -1 ? null : (argv[index + 1] ?? null);
}

/** Without the empty one after the last NUL. */
function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}
