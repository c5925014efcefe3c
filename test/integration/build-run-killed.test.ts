import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { listSteps } from "../../engine/builder/run/step-place.ts";
import { createConfig } from "../../engine/config.ts";
import { openCgroups } from "../../engine/host/cgroups.ts";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { purge } from "../../engine/purge.ts";
import { openStepScene } from "../support/build-steps.ts";
import { tempRoot } from "../support/temp-root.ts";

/** Kills an engine in the middle of a command, `delay` milliseconds after the start of it or, null, when it has spoken. */
async function killMidway(directory: string, delay: number | null): Promise<void> {
  const program = join(import.meta.dirname, "../support/step-host.ts");
  const host = spawn(process.execPath, [program, directory, "setsid sleep 1001 & echo ready; exec sleep 1002"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(host, "exit");
  if (delay === null) await once(host.stdout, "data");
  else {
    while ((await listSteps(createConfig({ run: join(directory, "run") }))).length === 0) await sleep(1);
    await sleep(delay);
  }
  host.kill("SIGKILL");
  await gone;
}

it.each([null, 0, 3, 6, 10, 15])("is ended by the next engine, killed after %s ms", async (delay) => {
  const directory = await tempRoot();
  onTestFinished(() => directory[Symbol.asyncDispose]());
  await killMidway(directory.path, delay);
  const config = createConfig({ root: directory.join("root"), run: directory.join("run") });
  const cgroups = openCgroups();
  const parent = `/${config.names.cgroupParent}-builds`;
  expect(await listSteps(config)).toHaveLength(1);
  if (delay === null) {
    expect((await cgroups.processesIn(parent)).length).toBeGreaterThanOrEqual(2);
    expect(listMounts().some(({ target }) => target.endsWith("/secrets"))).toBe(true);
  }
  await using scene = await openStepScene(directory.path);
  expect(await listSteps(config)).toEqual([]);
  expect(await cgroups.processesIn(parent)).toEqual([]);
  expect(cgroups.directoriesOf(parent).filter((path) => existsSync(path))).toEqual([]);
  expect(listMounts().filter(({ target }) => target.startsWith(`${config.run}/steps`))).toEqual([]);
  expect(existsSync(join(config.run, "step-runtime")) ? readdirSync(join(config.run, "step-runtime")) : []).toEqual([]);
  expect(await scene.run("echo again")).toMatchObject({ out: "again\n" });
});

it("goes with all else of an engine that is purged", async () => {
  const directory = await tempRoot();
  onTestFinished(() => directory[Symbol.asyncDispose]());
  await killMidway(directory.path, null);
  const config = createConfig({ root: directory.join("root"), run: directory.join("run") });
  // By which purge knows the directory of an engine.
  writeFileSync(join(config.run, "engine.lock"), "");
  const [id = ""] = await listSteps(config);
  expect(await purge(config)).toContain(`build step ${id.slice(0, 12)}`);
  expect(await openCgroups().processesIn(`/${config.names.cgroupParent}-builds`)).toEqual([]);
  expect(existsSync(config.run)).toBe(false);
});
