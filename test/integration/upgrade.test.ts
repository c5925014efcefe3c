import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migrations } from "../../engine/database/schema.ts";
import {
  createContainer,
  eventually,
  findContainer,
  runContainer,
  startTestEngine,
  type TestEngine,
} from "../support/engine.ts";
import { findOrphans, listTraces } from "../support/fault-traces.ts";
import { downgrade } from "../support/older-database.ts";

let engine: TestEngine;
let before: string[];
beforeAll(async () => {
  engine = await startTestEngine();
  before = listTraces(engine.config, engine.pid);
});
afterAll(() => engine[Symbol.asyncDispose]());

const request: TestEngine["client"]["request"] = (...args) => engine.client.request(...args);
const remove = (container: string) => request("containers.remove", { container, force: true, volumes: true });
const port = 18_000 + Math.floor(Math.random() * 1000);
const web = (hostPort: number) => ({
  command: ["httpd", "-f", "-p", "80", "-h", "/etc"],
  ports: [{ hostAddress: "127.0.0.1", hostPort, containerPort: 80, protocol: "tcp" }] as const,
});

it("takes over the database of the version before with its containers running", async () => {
  const { ports, ...rest } = web(port);
  const serving = await runContainer(engine, { name: "web", ...rest, ports: [...ports] });
  const others = [
    await runContainer(engine, { name: "quiet", network: "none" }),
    await runContainer(engine, { name: "hosted", network: "host" }),
    await runContainer(engine, { name: "paused" }),
  ];
  await request("containers.pause", { container: "paused" });
  const fresh = await createContainer(engine, {
    name: "fresh",
    restartPolicy: { name: "always", maximumRetryCount: 0 },
  });
  const done = await runContainer(engine, { name: "done", command: ["sh", "-c", "exit 3"] });
  await request("containers.wait", { container: done, condition: "stopped" });
  const listed = await request("containers.list", { all: true });
  await engine.stop("SIGTERM");
  downgrade(join(engine.config.root, "gantry.db"));

  await engine.start();
  const now = await request("containers.list", { all: true });
  const essence = (all: typeof now) =>
    all.map(({ id, name, status, pid, exitCode, ipAddress, ports: open }) => ({
      id,
      name,
      status,
      pid,
      exitCode,
      ipAddress,
      open,
    }));
  expect(essence(now)).toEqual(essence(listed));
  await eventually(() => findOrphans(engine.config, now, engine.pid).length === 0);
  expect(await (await fetch(`http://127.0.0.1:${port}/hostname`)).text()).toBe(`${serving.slice(0, 12)}\n`);

  // All of it can be worked with as before, and goes without a trace.
  await request("containers.unpause", { container: "paused" });
  await request("containers.start", { container: fresh });
  await request("containers.restart", { container: serving, timeout: 0 });
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/hostname`).catch(() => null))?.status === 200);
  await request("containers.start", { container: done });
  await request("containers.rename", { container: done, name: "done-again" });
  for (const id of [serving, fresh, done, ...others]) {
    expect(await request("containers.inspect", { container: id })).toMatchObject({ Id: id });
    await remove(id);
    expect(await findContainer(engine, id)).toBeUndefined();
  }
  await eventually(() => JSON.stringify(listTraces(engine.config, engine.pid)) === JSON.stringify(before));
  await engine.stop("SIGTERM");
  const database = new DatabaseSync(join(engine.config.root, "gantry.db"), { readOnly: true });
  expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: migrations.length });
  expect(database.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
  database.close();
  await engine.start();
}, 60_000);

it("finds what ended, and brings back what its policy names, also over an upgrade", async () => {
  const short = await runContainer(engine, { command: ["sh", "-c", "sleep 0.5; exit 42"] });
  const faithful = await runContainer(engine, {
    command: ["sh", "-c", "sleep 0.5; exit 1"],
    restartPolicy: { name: "on-failure", maximumRetryCount: 1 },
  });
  const auto = await runContainer(engine, { command: ["sleep", "0.5"], autoRemove: true });
  await engine.stop("SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 800));
  downgrade(join(engine.config.root, "gantry.db"));
  await engine.start();
  expect(await findContainer(engine, short)).toMatchObject({ status: "exited", exitCode: 42 });
  expect(await findContainer(engine, auto)).toBeUndefined();
  await eventually(async () => (await findContainer(engine, faithful))?.status === "exited");
  expect(await findContainer(engine, faithful)).toMatchObject({ restartCount: 1, exitCode: 1 });
  await Promise.all([short, faithful].map(remove));
});
