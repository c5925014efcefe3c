import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { globSync, readlinkSync, statSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { readListeners } from "../../engine/host/socket-table.ts";
import type { StateItem } from "../../engine/protocol/state.ts";
import { createContainer, eventually, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

function open(path: string, headers: Record<string, string> = {}): WebSocket {
  return new WebSocket(`ws+unix://${engine.config.socket}:${path}`, { headers, perMessageDeflate: false });
}

/** Sends texts on a fresh connection and gives the first answer, or the close code. */
async function say(...texts: string[]): Promise<unknown> {
  const socket = open("/rpc");
  await once(socket, "open");
  for (const text of texts) socket.send(text);
  const answer = await Promise.race([
    once(socket, "message").then(([data]) => JSON.parse(String(data))),
    once(socket, "close").then(([code]) => code),
  ]);
  socket.terminate();
  return answer;
}

const rpc = (method: string, params: unknown) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });

it("opens its socket to nobody else", () => {
  const { mode } = statSync(engine.config.socket);
  expect([0o600, 0o660]).toContain(mode & 0o777);
});

it("shows nobody else what it keeps", () => {
  const { root, run } = engine.config;
  const modeOf = (...path: string[]) => statSync(join(...path)).mode & 0o777;
  for (const path of [join(root, "gantry.db"), join(root, "engine.lock"), join(run, "engine.lock")]) {
    expect([path, modeOf(path)]).toEqual([path, 0o600]);
  }
  for (const name of ["netns", "exits", "supervisors"]) expect([name, modeOf(run, name)]).toEqual([name, 0o700]);
});

it("opens no debugger's port when it is signalled", async () => {
  const listening = async () => {
    const sockets = globSync(`/proc/${engine.pid}/fd/*`).map((path) => readlinkSync(path));
    return (await readListeners(new Set(["tcp"]))).filter(({ inode }) => sockets.includes(`socket:[${inode}]`));
  };
  process.kill(engine.pid, "SIGUSR1");
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await listening()).toEqual([]);
  expect(
    await say(rpc("system.handshake", { protocolVersion: 1, clientName: "t", clientVersion: "0" })),
  ).toHaveProperty("result");
});

it.each([[{ origin: "https://example.org" }], [{ "sec-fetch-mode": "websocket" }]])(
  "refuses a web page: %j",
  async (headers) => {
    for (const path of ["/rpc", `/stream/${randomUUID()}`]) {
      const socket = open(path, headers);
      const [error] = await once(socket, "error");
      expect(String(error)).toContain("403");
    }
  },
);

it("refuses other paths and plain HTTP with a sentence", async () => {
  const socket = open("/other");
  expect(String((await once(socket, "error"))[0])).toContain("404");
  const plain = httpRequest({ socketPath: engine.config.socket, path: "/containers/json" }).end();
  const [response] = await once(plain, "response");
  expect(response.statusCode).toBe(404);
  let body = "";
  for await (const chunk of response) body += chunk;
  expect(JSON.parse(body)).toEqual({ message: "the engine speaks WebSocket at /rpc only" });
});

it("wants a handshake first, of its own version", async () => {
  expect(await say(rpc("containers.list", { all: true }))).toMatchObject({
    error: { message: "containers.list came before system.handshake", data: { code: "failed-precondition" } },
  });
  const params = { protocolVersion: 99, clientName: "gantry", clientVersion: "9.9.9" };
  expect(await say(rpc("system.handshake", params))).toMatchObject({
    error: {
      message: "gantry 9.9.9 speaks protocol 99, the engine 1",
      data: { code: "failed-precondition", hint: expect.stringContaining("gantry engine stop") },
    },
  });
});

it("survives what is no message", async () => {
  expect(await say("{")).toBe(1007);
  expect(await say("[]")).toBe(1007);
  expect(await say(rpc("__proto__", {}))).toMatchObject({ error: { data: { code: "unimplemented" } } });
  expect(await engine.client.request("system.info", {})).toMatchObject({ pid: engine.pid });
});

it("names a wrong parameter", async () => {
  await expect(
    engine.client.request("containers.stop", { container: "a", timeout: "x" } as never),
  ).rejects.toMatchObject({
    code: "invalid-argument",
    message: "containers.stop: timeout: invalid input: expected number, received string",
  });
});

it("keeps nothing for a client that asks and does not read", async () => {
  const socket = open("/rpc");
  await once(socket, "open");
  socket.send(rpc("system.handshake", { protocolVersion: 1, clientName: "slow", clientVersion: "0" }));
  await once(socket, "message");
  socket.pause();
  for (let count = 0; count < 20_000; count++) socket.send(rpc("system.info", {}));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(socket.bufferedAmount).toBeGreaterThan(0);
  expect(await engine.client.request("containers.list", { all: true })).toEqual([]);
  socket.terminate();
});

it("sends a slow subscriber fewer, newer changes, without a hole in their numbers", async () => {
  const id = await createContainer(engine, { name: "name-0", labels: { long: "x".repeat(100_000) } });
  const socket = open("/rpc");
  await once(socket, "open");
  const items: { sequence: number; item: StateItem }[] = [];
  socket.on("message", (data) => {
    const message = JSON.parse(String(data));
    if (message.method === "item") items.push(message.params);
  });
  socket.send(rpc("system.handshake", { protocolVersion: 1, clientName: "slow", clientVersion: "0" }));
  socket.send(rpc("subscribe", { topic: "state", params: { resume: null } }));
  await eventually(() => items.length > 0);
  socket.pause();
  for (let count = 1; count <= 60; count++) {
    await engine.client.request("containers.rename", { container: id, name: `name-${count}` });
    await new Promise((resolve) => setTimeout(resolve, 45));
  }
  socket.resume();
  await eventually(() => items.at(-1)?.item.containers[0]?.name === "name-60");
  expect(items.length).toBeLessThan(40);
  expect(items.map(({ sequence }) => sequence)).toEqual(items.map((_item, index) => index + 1));
  socket.terminate();
  await engine.client.request("containers.remove", { container: id, force: true, volumes: true });
});
