import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { contextDirectory } from "../support/builds.ts";
import { eventually, startTestEngine, type TestEngine } from "../support/engine.ts";
import { buildStorm, busyTraces, forgetAll } from "../support/fault-build-storm.ts";
import { gantryFor } from "../support/gantry-command.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
}, 60_000);
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const { GANTRY_TEST_STORM: said, GANTRY_TEST_SEED: seed = "20261122", GANTRY_TEST_KILLS: rounds } = process.env;
const report = said === undefined ? {} : { report: (line: string) => console.log(line) };

it("leaves nothing of builds that are cancelled or whose client goes, at any moment", async () => {
  const slow: string[] = [];
  const isOver = async (): Promise<boolean> => {
    const builds = await engine.client.request("builds.list", {});
    return builds.every(({ status }) => status !== "running") && busyTraces(engine).length === 0;
  };
  const storm = await buildStorm(engine, {
    rounds: Number(rounds ?? 8),
    seed: Number(seed),
    cut: async (builds, client, round) => {
      if (round % 2 === 0) client.close();
      else for (const build of builds) await engine.client.request("builds.cancel", { build }).catch(() => null);
      const begin = performance.now();
      await eventually(isOver, 2).catch(() => slow.push(`round ${round}: ${busyTraces(engine)} is left`));
      if (performance.now() - begin > 2_000) slow.push(`round ${round}: not over within 2 s`);
    },
    ...report,
  });
  expect([...storm, ...slow]).toEqual([]);
}, 120_000);

it("ends with Ctrl-C, and with a client that is killed", async () => {
  await forgetAll(engine);
  await using context = await contextDirectory({
    Dockerfile:
      "FROM gantry/busybox\nRUN --mount=type=secret,id=s --mount=type=cache,target=/c (sleep 60 &) && echo begun && sleep 60\n",
    secret: "x",
  });
  const launcher = fileURLToPath(new URL("../../bin/gantry", import.meta.url));
  const env = { ...process.env, GANTRY_ROOT: engine.config.root, GANTRY_RUN: engine.config.run };
  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    const args = ["build", "--progress=plain", `--secret=id=s,src=${context.path}/secret`, context.path];
    const client = spawn(launcher, args, { env, stdio: ["ignore", "pipe", "pipe"], cwd: "/", detached: true });
    let output = "";
    for (const stream of [client.stdout, client.stderr]) stream.on("data", (data) => (output += data));
    const ended = once(client, "close");
    await eventually(() => /\d begun/.test(output));
    process.kill(-(client.pid ?? 0), signal);
    const begin = performance.now();
    await ended;
    await eventually(async () => (await engine.client.request("builds.list", {}))[0]?.status === "cancelled", 2);
    await eventually(() => busyTraces(engine).length === 0, 2);
    expect(performance.now() - begin).toBeLessThan(2_000);
    await sleep(10);
  }
  const gantry = gantryFor(engine.config);
  await context.write({ Dockerfile: "FROM gantry/busybox\nRUN echo well >/x\n" });
  expect((await gantry(["build", "-q", context.path])).code).toBe(0);
}, 40_000);
