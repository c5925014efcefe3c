import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { StateItem } from "../../engine/protocol/state.ts";
import { type ConnectionState, ReconnectingClient } from "../../src/client/reconnect.ts";
import { newStreamID } from "../../src/client/stream-id.ts";
import { createContainer, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
}, 60_000);

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > giveUpAt) throw new Error(`not in time: ${condition}`);
    await sleep(20);
  }
}

it("brings the engine's errors back with code, hint and exit code", async () => {
  await expect(engine.client.request("containers.start", { container: "nobody" })).rejects.toMatchObject({
    name: "EngineError",
    code: "not-found",
    message: expect.stringContaining("nobody"),
    hint: expect.any(String),
  });
  const container = await createContainer(engine, { command: ["no-such-command"] });
  await expect(engine.client.request("containers.start", { container })).rejects.toMatchObject({ exitCode: 127 });
  await engine.client.request("containers.remove", { container, force: true, volumes: true });
});

it("stops waiting when asked to", async () => {
  const container = await runContainer(engine);
  const abort = new AbortController();
  const wait = engine.client.request("containers.wait", { container, condition: "stopped" }, { signal: abort.signal });
  abort.abort();
  await expect(wait).rejects.toMatchObject({ code: "cancelled" });
  await engine.client.request("containers.remove", { container, force: true, volumes: true });
});

it("fails every request under way when the connection is closed", async () => {
  const client = await engine.connect();
  const container = await runContainer(engine);
  const wait = client.request("containers.wait", { container, condition: "stopped" });
  client.close();
  await expect(wait).rejects.toMatchObject({ code: "unavailable" });
  await expect(client.request("containers.list", { all: true })).rejects.toMatchObject({ code: "unavailable" });
  await engine.client.request("containers.remove", { container, force: true, volumes: true });
});

it("holds the engine back while the reader is slow, and loses nothing", async () => {
  const total = 300_000;
  const container = await createContainer(engine, { command: ["seq", "1", String(total)] });
  const stream = await engine.client.openStream(newStreamID());
  await engine.client.request("containers.attach", { container, streamID: stream.streamID, stdin: false });
  let lines = 0;
  stream.onOutput((_channel, bytes) => {
    lines += bytes.filter((byte) => byte === 10).length;
    return sleep(1);
  });
  await engine.client.request("containers.start", { container });
  expect(await stream.ended).toEqual({ exitCode: 0 });
  expect(lines).toBe(total);
  await engine.client.request("containers.remove", { container, force: true, volumes: true });
});

it("comes back after the engine was killed, and subscribes anew", async () => {
  const states: ConnectionState["status"][] = [];
  const items: StateItem[] = [];
  using client = new ReconnectingClient({ connect: () => engine.connect() });
  client.onState((state) => states.push(state.status));
  client.subscribe("state", { params: () => ({ resume: null }), onItem: (item) => items.push(item) });
  await until(() => items.length > 0);
  const container = await runContainer(engine, { name: "through" });
  await until(() => items.some((item) => item.containers.some(({ id }) => id === container)));

  await engine.stop("SIGKILL");
  await until(() => client.state.status === "lost");
  await expect(client.request("containers.list", { all: true })).rejects.toMatchObject({ code: "unavailable" });
  const lost = client.state;
  await sleep(500);
  expect(client.state).toMatchObject({ status: "lost", since: lost.status === "lost" ? lost.since : 0 });

  items.length = 0;
  await engine.start();
  await until(() => client.state.status === "connected" && items.length > 0);
  expect(items[0]).toMatchObject({ type: "snapshot", containers: [{ id: container, status: "running" }] });
  expect(states.at(0)).toBe("connected");
  expect(states.at(-1)).toBe("connected");
  await client.request("containers.remove", { container, force: true, volumes: true });
});

it("hears no more once a subscription is closed", async () => {
  using client = new ReconnectingClient({ connect: () => engine.connect() });
  let items = 0;
  const subscription = client.subscribe("state", {
    params: () => ({ resume: null }),
    onItem: () => {
      items += 1;
    },
  });
  await until(() => items > 0);
  subscription.close();
  const before = items;
  const container = await runContainer(engine);
  await engine.client.request("containers.remove", { container, force: true, volumes: true });
  expect(items).toBe(before);
});
