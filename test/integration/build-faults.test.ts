import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { listMounts } from "../../engine/host/mountinfo.ts";
import { type Built, buildRequestOf, imageOf, runBuild } from "../support/builds.ts";
import { eventually, startTestEngine, type TestEngine } from "../support/engine.ts";
import { listTraces } from "../support/fault-traces.ts";

let engine: TestEngine;
let before: string[];
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(async () => {
  await forgetAll();
  await eventually(() => left().length === 0);
  before = listTraces(engine.config, engine.pid);
});

const sleeping = "FROM gantry/busybox\nRUN echo begun; sleep 60\n";

async function forgetAll(): Promise<void> {
  const all = { all: true, keepStorage: null, until: null, types: [], ids: [] };
  await engine.client.request("builder.prune", all);
}

/** What a build has in the engine's directories and among the mounts. */
function left(): string[] {
  const { root } = engine.config;
  return [
    ...readdirSync(join(root, "containers")).filter((name) => name.startsWith("build-")),
    ...readdirSync(join(root, "build", "scratch")),
    ...listMounts().flatMap(({ target }) => (target.startsWith(join(root, "containers", "build-")) ? [target] : [])),
  ];
}

/** Begins one, and waits until its command runs. */
async function begin(dockerfile = sleeping): Promise<{ readonly id: string; readonly end: Promise<Built> }> {
  const request = buildRequestOf(dockerfile, { network: "default" });
  const begun = Promise.withResolvers<void>();
  await engine.client.subscribe("build", { buildID: request.buildID }, (event) => {
    if (event.type === "output") begun.resolve();
  });
  const end = runBuild(engine, request);
  await Promise.race([begun.promise, end]);
  return { id: request.buildID, end };
}

async function nothingLeft(): Promise<void> {
  await forgetAll();
  await eventually(() => left().length === 0);
  await eventually(() => listTraces(engine.config, engine.pid).every((trace) => before.includes(trace)));
}

it("ends a build within two seconds when somebody cancels it, and leaves nothing", async () => {
  const { id, end } = await begin();
  const start = performance.now();
  await engine.client.request("builds.cancel", { build: id });
  const { error, events } = await end;
  expect(performance.now() - start).toBeLessThan(2_000);
  expect(error).toMatchObject({ code: "cancelled" });
  expect(events.at(-1)).toMatchObject({ type: "finished", build: { status: "cancelled", canDebug: false } });
  await nothingLeft();
});

it("ends a build whose client goes", async () => {
  const client = await engine.connect();
  const request = buildRequestOf(sleeping);
  const answer = client.request("builds.run", { request, detached: false }).catch(() => "gone");
  await eventually(async () => (await engine.client.request("builds.list", {}))[0]?.current.startsWith("RUN") === true);
  client.close();
  expect(await answer).toBe("gone");
  await eventually(async () => (await engine.client.request("builds.list", {}))[0]?.status === "cancelled", 3);
  await nothingLeft();
});

it("goes on with a detached build whose client goes", async () => {
  const client = await engine.connect();
  const request = buildRequestOf("FROM gantry/busybox\nRUN sleep 0.5\n");
  await client.request("builds.run", { request, detached: true });
  client.close();
  await eventually(async () => (await engine.client.request("builds.list", {}))[0]?.status === "done");
});

it("ends builds when the engine stops, and says so afterwards", async () => {
  const { id, end } = await begin();
  end.catch(() => {});
  const start = performance.now();
  await engine.stop();
  expect(performance.now() - start).toBeLessThan(5_000);
  await engine.start();
  const { summary } = await engine.client.request("builds.inspect", { build: id });
  expect(summary).toMatchObject({ status: "cancelled", error: "the engine stops" });
  await nothingLeft();
});

it("takes away what a killed engine has left of its builds, and shows them as failed", async () => {
  const { id, end } = await begin(
    "FROM gantry/busybox AS a\nRUN echo x > /x\nFROM gantry/busybox\nCOPY --from=a /x /\nRUN echo begun; sleep 60\n",
  );
  end.catch(() => {});
  expect(left().length).toBeGreaterThan(0);
  await engine.stop("SIGKILL");
  await engine.start();
  expect(left()).toEqual([]);
  const { summary } = await engine.client.request("builds.inspect", { build: id });
  expect(summary).toMatchObject({ status: "failed", error: "the engine ended" });
  await nothingLeft();
});

it("bears a flood of output, and keeps its end", async () => {
  const dockerfile = "FROM gantry/busybox\nRUN yes | head -c 200000000; echo the end\n";
  const build = runBuild(engine, buildRequestOf(dockerfile));
  let slowest = 0;
  for (let isOver = false; !isOver; ) {
    const start = performance.now();
    isOver = (await engine.client.request("builds.list", {}))[0]?.status !== "running";
    slowest = Math.max(slowest, performance.now() - start);
  }
  const { error, output } = await build;
  expect(error).toBeNull();
  expect(output.endsWith("the end\n")).toBe(true);
  expect(slowest).toBeLessThan(500);
});

it("refuses more steps than anybody writes, without a pause", async () => {
  const many = await runBuild(engine, buildRequestOf(`FROM gantry/busybox\n${"ENV A=1\n".repeat(6_000)}`));
  expect(many.error?.message).toBe("the build has more than 5000 steps");
  const chained = `FROM gantry/busybox AS s0\n${Array.from({ length: 400 }, (_, n) => `FROM s${n} AS s${n + 1}\n`).join("")}`;
  expect(imageOf(await runBuild(engine, buildRequestOf(chained)))).toMatch(/^sha256:/);
});

it("takes a build's id once only", async () => {
  const request = buildRequestOf("FROM gantry/busybox\n");
  imageOf(await runBuild(engine, request));
  expect((await runBuild(engine, request)).error).toMatchObject({ code: "already-exists" });
  expect((await runBuild(engine, { ...request, buildID: "../../etc/passwd" })).error).toMatchObject({
    code: "invalid-argument",
  });
});
