import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it } from "vitest";
import { identifyProcess, isAlive } from "../../engine/host/processes.ts";
import { openTestRuntime } from "../support/runtime-bundle.ts";

/** A process with the command line of an engine's helper. */
async function pretend(name: string, ...words: string[]) {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 300_000)", "--", ...words], {
    argv0: name,
    stdio: "ignore",
  });
  await once(child, "spawn");
  const identity = identifyProcess(child.pid ?? 0);
  return { isAlive: () => identity !== null && isAlive(identity), [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

it("ends what an engine that was killed was making, and nothing else", async () => {
  await using test = await openTestRuntime();
  const exits = join(test.config.run, "exits");
  const runtimes = join(test.config.run, "runtime", "runc");
  await test.create("living", { command: ["sleep", "300"] });
  await test.runtime.start("living");
  using conmon = await pretend("conmon", "-u", "gone", "--exit-dir", exits);
  using runtime = await pretend("runc", "--root", runtimes, "create", "--bundle", "b", "gone");
  using foreign = await pretend("conmon", "-u", "gone", "--exit-dir", "/run/other/exits");
  using foreignRuntime = await pretend("runc", "--root", "/run/other/runtime/runc", "create", "gone");
  using exec = await pretend("conmon", "-e", "-c", "gone", "-u", "exec");
  using own = await pretend("runc", "--root", runtimes, "create", "living");
  await test.runtime.endStrays(["living"]);
  expect([conmon, runtime].map((one) => one.isAlive())).toEqual([false, false]);
  expect([foreign, foreignRuntime, exec, own].map((one) => one.isAlive())).toEqual([true, true, true, true]);
  expect((await test.runtime.state("living"))?.status).toBe("running");
  await test.runtime.endStrays([]);
  expect(test.runtime.isSupervised("living")).toBe(false);
});
