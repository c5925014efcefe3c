import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { expect, it } from "vitest";
import { endWithHost, type Leaving } from "../../engine/containers/end-with-host.ts";
import { identifyProcess } from "../../engine/host/processes.ts";

async function begin(script: string) {
  const child = spawn("sh", ["-c", `${script}; echo ready; while :; do sleep 0.05; done`]);
  await once(child.stdout, "data");
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const process = identifyProcess(child.pid ?? 0);
  if (process === null) throw new Error("it has ended");
  const leaving = (timeout: number): Leaving => ({ process, signal: constants.signals.SIGINT, timeout });
  return { exit, leaving };
}

it("gives each its own signal and its own time, all at once", async () => {
  const [hears, deaf] = await Promise.all([begin("trap 'sleep 0.3; exit 7' INT"), begin("trap '' INT")]);
  const began = performance.now();
  await endWithHost([hears.leaving(10_000), deaf.leaving(500)]);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(await hears.exit).toEqual([7, null]);
  expect(await deaf.exit).toEqual([null, "SIGKILL"]);
});
