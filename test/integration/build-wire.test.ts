import { execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildEvent, BuildRequest, BuildSummary } from "../../engine/protocol/builds.ts";
import type { StateItem } from "../../engine/protocol/state.ts";
import { runBuild, watchBuild } from "../../src/client/build.ts";
import { buildRequestOf } from "../support/builds.ts";
import { eventually, starterImage } from "../support/engine.ts";
import { engineOfFile } from "../support/engine-of-file.ts";

const { engine, request } = engineOfFile();
let place: string;

beforeAll(() => {
  place = mkdtempSync("/tmp/gantry-test-");
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

const requestFor = (steps: string, changes: Partial<BuildRequest> = {}): BuildRequest =>
  buildRequestOf(`FROM ${starterImage}\n${steps}\n`, { noCache: true, ...changes });

const run = (build: BuildRequest, detached = false) => request("builds.run", { request: build, detached });

async function find(buildID: string): Promise<BuildSummary | undefined> {
  return (await request("builds.list", {})).find(({ id }) => id === buildID);
}

async function eventsOf(buildID: string): Promise<BuildEvent[]> {
  const events: BuildEvent[] = [];
  await watchBuild(engine.client, buildID, (event) => events.push(event));
  await eventually(() => events.at(-1)?.type === "finished");
  return events;
}

const textOf = (events: readonly BuildEvent[]) =>
  events.map((event) => (event.type === "output" ? event.text : "")).join("");

it("tells who watches before, meanwhile and afterwards the same", async () => {
  const build = requestFor('RUN for i in 1 2 3; do echo "line $i"; sleep 0.2; done');
  const before: BuildEvent[] = [];
  const { finished } = await watchBuild(engine.client, build.buildID, (event) => before.push(event));
  const built = run(build);
  await eventually(() => textOf(before).includes("line 1"));
  const [meanwhile, result] = await Promise.all([eventsOf(build.buildID), built]);
  await finished();
  const afterwards = await eventsOf(build.buildID);
  for (const [when, events] of Object.entries({ before, meanwhile, afterwards })) {
    expect([when, textOf(events)]).toEqual([when, "line 1\nline 2\nline 3\n"]);
    expect(events.at(-1)).toMatchObject({ type: "finished", build: { id: build.buildID, status: "done" } });
  }
  expect(result).toMatchObject({ imageID: (await find(build.buildID))?.imageID });
  const { steps, dockerfile } = await request("builds.inspect", { build: build.buildID.slice(0, 10) });
  expect(steps.at(-1)).toMatchObject({ status: "done" });
  expect(dockerfile).toContain("line $i");
});

it("has the builds in the state, and says when they change", async () => {
  const items: StateItem[] = [];
  const subscription = await engine.client.subscribe("state", { resume: null }, (item) => items.push(item));
  const build = requestFor("RUN sleep 0.3", { tags: ["state:1"] });
  await run(build);
  const seen = () => items.flatMap((item) => item.builds ?? []).filter(({ id }) => id === build.buildID);
  await eventually(() => seen().at(-1)?.status === "done");
  expect(items[0]).toMatchObject({ type: "snapshot", builds: expect.any(Array) });
  expect(seen().map(({ status }) => status)).toContain("running");
  expect(seen().at(-1)).toMatchObject({ name: "state:1", steps: 2, finishedSteps: 2 });
  await request("builds.remove", { builds: [build.buildID] });
  await eventually(() => items.at(-1)?.builds?.every(({ id }) => id !== build.buildID) ?? false);
  subscription.close();
});

it("goes on without its client where it is to", async () => {
  const client = await engine.connect();
  const build = requestFor("RUN sleep 1; echo alone", { tags: ["detached:1"] });
  const answer = await client.request("builds.run", { request: build, detached: true });
  expect(answer).toEqual({ imageID: null, digest: null, warnings: [] });
  client.close();
  await eventually(async () => (await find(build.buildID))?.status === "done");
  await request("images.inspect", { image: "detached:1" });
  const needy = requestFor("", { context: { type: "stream" }, streamID: randomUUID() });
  await expect(run(needy, true)).rejects.toMatchObject({ code: "invalid-argument" });
});

it("ends with its client", async () => {
  const client = await engine.connect();
  const build = requestFor("RUN sleep 600");
  client.request("builds.run", { request: build, detached: false }).catch(() => undefined);
  await eventually(async () => (await find(build.buildID))?.current.includes("sleep") ?? false);
  client.close();
  await eventually(async () => (await find(build.buildID))?.status === "cancelled");
});

it("ends when its context stops half way, and when nobody takes its output", async () => {
  const torn = requestFor("", { context: { type: "stream" }, dockerfile: { type: "path", path: "Dockerfile" } });
  async function* half(): AsyncIterable<Uint8Array> {
    yield Buffer.alloc(700, 1);
    throw new Error("the file is gone");
  }
  const sent = runBuild(engine.client, torn, { context: half(), output: null });
  await expect(sent).rejects.toThrow("the file is gone");
  await eventually(async () => (await find(torn.buildID))?.status !== "running");

  const untaken = requestFor("", { output: { type: "tar" } });
  const sink = () => Promise.reject(new Error("no room left"));
  await expect(runBuild(engine.client, untaken, { context: null, output: sink })).rejects.toThrow("no room left");
  await eventually(async () => (await find(untaken.buildID))?.status !== "running");
  expect((await find(untaken.buildID))?.status).not.toBe("done");
});

it("takes a context and gives an output at the same time", async () => {
  const directory = join(place, "both");
  mkdirSync(directory);
  writeFileSync(join(directory, "Dockerfile"), "FROM scratch\nCOPY f /f\n");
  writeFileSync(join(directory, "f"), "through\n");
  const tar = execFileSync("tar", ["-cz", "-C", directory, "."]);
  const build = requestFor("", {
    context: { type: "stream" },
    dockerfile: { type: "path", path: "Dockerfile" },
    output: { type: "tar" },
  });
  const chunks: Buffer[] = [];
  const output = async (bytes: Buffer) => void chunks.push(Buffer.from(bytes));
  await runBuild(engine.client, build, { context: tarOf(tar), output });
  expect(execFileSync("tar", ["-xO", "f"], { input: Buffer.concat(chunks) }).toString()).toBe("through\n");
});

async function* tarOf(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
}

it.each([
  ["a stream that nobody opens", { context: { type: "stream" } }, /stream|context/],
  ["a name that is no ID", { buildID: "../x" }, /cannot name a build/],
] as const)("refuses %s", async (_, changes, message) => {
  await expect(run(requestFor("", changes))).rejects.toThrow(message);
});

it("refuses to build twice under one ID, and to cancel what has ended", async () => {
  const build = requestFor("RUN true");
  await run(build);
  await expect(run(build)).rejects.toMatchObject({ code: "already-exists" });
  await expect(request("builds.cancel", { build: build.buildID })).rejects.toMatchObject({
    code: "failed-precondition",
  });
  await expect(request("builds.inspect", { build: "nope" })).rejects.toMatchObject({ code: "not-found" });
  await expect(
    request("builder.prune", { all: false, keepStorage: null, until: "today", types: [], ids: [] }),
  ).rejects.toMatchObject({ code: "invalid-argument" });
});

it("keeps no secret and no account where anybody could see it", async () => {
  const value = Buffer.from("very secret").toString("base64");
  const build = requestFor("RUN --mount=type=secret,id=s cat /run/secrets/s >/dev/null; exit 1", {
    secrets: [{ id: "s", value }],
    credentials: { "docker.io": { type: "password", username: "ann", password: "very secret" } },
  });
  await run(build).catch(() => undefined);
  const search = spawnSync("grep", ["-rlE", `very secret|${value}`, engine.config.root], { encoding: "utf8" });
  expect(search.stdout).toBe("");
});
