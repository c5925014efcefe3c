import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { openCgroups } from "../../../engine/host/cgroups.ts";
import { ExitWatch } from "../../../engine/runtime/exit-watch.ts";
import { Supervisors } from "../../../engine/runtime/supervisors.ts";

it("outlives a run directory that someone removed", async () => {
  const run = mkdtempSync(join(tmpdir(), "gantry-exits-"));
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => failures.push(error);
  const before = process.rawListeners("uncaughtException");
  process.removeAllListeners("uncaughtException").on("uncaughtException", onFailure);
  try {
    using watch = new ExitWatch(run, new Supervisors(run, "gantry-test", openCgroups()), () => {});
    watch.begin(() => {}, []);
    rmSync(run, { recursive: true });
    watch.hurry();
    await sleep(250);
    expect(failures).toEqual([]);
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of before) process.on("uncaughtException", listener as (error: Error) => void);
    rmSync(run, { recursive: true, force: true });
  }
});
