import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { openTestRuntime } from "../support/runtime-bundle.ts";

/** Processes whose command line names both. */
function find(...words: readonly string[]): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return words.every((word) => argv.includes(word));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** It may have ended in this very moment. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

it("gives up soon where the runtime is killed while it creates, and leaves nothing", async () => {
  await using test = await openTestRuntime();
  const ends = new Set<string>();
  for (let attempt = 0; attempt < 18; attempt++) {
    const id = `killed-${attempt}`;
    const created = test.create(id, { command: ["sleep", "300"] }).then(
      () => "created",
      () => "refused",
    );
    // From the first moment on to where the container's process waits already and the runtime is about to end.
    for (const deadline = Date.now() + 2000; find("create", id).length === 0 && Date.now() < deadline; ) await sleep(1);
    await sleep(attempt * 2);
    for (const pid of find("create", id)) kill(pid);
    const begin = Date.now();
    ends.add(await created);
    expect(Date.now() - begin).toBeLessThan(8000);
    if ((await test.runtime.state(id)) !== null) await test.runtime.delete(id);
    test.runtime.forget(id);
    expect(find("-c", id)).toEqual([]);
  }
  expect(ends).toContain("refused");
}, 60_000);
