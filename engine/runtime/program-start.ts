import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds. The last steps of the runtime's own init take less than one, on a busy machine some hundred. */
const patience = 5_000;

/**
 * Resolves when a container's first process is no longer the runtime's own init on its way to the container's program. A signal at that
 * moment would end it in a way of its own: the Go runtime, being the first process of its pid namespace, exits with 2 where the container's
 * program would have ignored the signal, or handled it.
 */
export async function awaitProgram(pid: number): Promise<void> {
  for (const deadline = Date.now() + patience; isInit(pid) && Date.now() < deadline; ) await sleep(1);
}

/**
 * runc's calls itself `runc init`. crun's is a fork of `crun … create …`; it has no handlers for signals, but crun takes a process that the
 * freezer catches on that way for one that still runs.
 */
function isInit(pid: number): boolean {
  try {
    const [program = "", ...words] = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
    return program.endsWith("runc") ? words[0] === "init" : program.endsWith("/crun") && words.includes("create");
  } catch {
    return false;
  }
}
