import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import WebSocket from "ws";
import { protocolVersion } from "../../engine/protocol/constants.ts";
import { eventually, runContainer, startTestEngine, type TestEngine } from "../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine[Symbol.asyncDispose]());

type Answer = {
  id?: number;
  result?: unknown;
  error?: { message: string; data: { code: string; hint: string | null } };
};

/** A peer that sends what it likes. */
class Peer implements Disposable {
  readonly answers: Answer[] = [];
  readonly webSocket: WebSocket;
  closed: string | null = null;

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on("message", (data) => this.answers.push(JSON.parse(String(data)) as Answer));
    webSocket.on("close", (code, reason) => {
      this.closed ??= `${code} ${reason}`;
    });
    webSocket.on("error", (error) => {
      this.closed ??= error.message;
    });
  }

  static async open(path = "/rpc", headers = {}): Promise<Peer> {
    const webSocket = new WebSocket(`ws+unix://${engine.config.socket}:${path}`, { headers, perMessageDeflate: false });
    const peer = new Peer(webSocket);
    await eventually(() => webSocket.readyState === WebSocket.OPEN || peer.closed !== null);
    return peer;
  }

  static async greeted(): Promise<Peer> {
    const peer = await Peer.open();
    const params = { protocolVersion, clientName: "peer", clientVersion: "0" };
    peer.send({ jsonrpc: "2.0", id: 0, method: "system.handshake", params });
    await eventually(() => peer.answers.length === 1);
    return peer;
  }

  send(message: unknown): void {
    this.webSocket.send(typeof message === "string" || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  /** The message of the error that a request got. */
  async refusalOf(method: unknown, params: unknown, id: unknown = 7): Promise<string> {
    this.send({ jsonrpc: "2.0", id, method, params });
    await eventually(() => this.answers.some((answer) => answer.id === id) || this.closed !== null);
    return this.answers.find((answer) => answer.id === id)?.error?.message ?? this.closed ?? "none";
  }

  [Symbol.dispose](): void {
    this.webSocket.terminate();
  }
}

const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${engine.pid}/status`, "utf8"))?.[1]) / 1024;
const latency = async () => {
  const begin = performance.now();
  await engine.client.request("containers.list", { all: true });
  return performance.now() - begin;
};

/** A request whose params are arrays in arrays. */
function subscribeNested(id: number, depth: number): string {
  const params = `{"topic":"state","params":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  return `{"jsonrpc":"2.0","id":${id},"method":"subscribe","params":${params}}`;
}

it.each<[string, unknown, string]>([
  ["text that is no JSON", "hello", "1007 not a request of this protocol"],
  ["bytes", randomBytes(1000), "1007 not a request of this protocol"],
  ["JSON without end", "[".repeat(5_000_000), "1007 not a request of this protocol"],
  ["a request without id", { jsonrpc: "2.0", method: "containers.list", params: { all: true } }, "1007 not a request"],
  ["an id that is no number", { jsonrpc: "2.0", id: "a", method: "containers.list" }, "1007 not a request"],
  ["a batch", [{ jsonrpc: "2.0", id: 1, method: "containers.list", params: { all: true } }], "1007 not a request"],
  ["a request nested 200,000 deep", subscribeNested(3, 200_000), "1007 not a request"],
  ["a message of 20 MB", "x".repeat(20 << 20), "1009"],
])("closes on %s", async (_name, message, reason) => {
  using peer = await Peer.greeted();
  peer.send(message);
  await eventually(() => peer.closed !== null);
  expect(peer.closed).toContain(reason);
  expect(await latency()).toBeLessThan(1000);
});

it("answers each wrong request with a sentence", async () => {
  using peer = await Peer.greeted();
  let id = 10;
  const refusal = (method: unknown, params: unknown) => peer.refusalOf(method, params, ++id);
  expect(await refusal("containers.fly", {})).toBe('the engine knows no method "containers.fly"');
  expect(await refusal("__proto__", {})).toBe('the engine knows no method "__proto__"');
  expect(await refusal("constructor", {})).toBe('the engine knows no method "constructor"');
  expect(await refusal("containers.start", "x")).toContain("containers.start: ");
  expect(await refusal("containers.start", { container: { a: 1 } })).toContain("container");
  expect(await refusal("containers.start", { container: "" })).toContain("no such container");
  expect(await refusal("containers.stop", { container: "x", timeout: "soon" })).toContain("timeout");
  expect(await refusal("subscribe", { topic: "toString", params: {} })).toBe('there is no topic "toString"');
  expect(await refusal("subscribe", { topic: "logs", params: { containers: ["nope"] } })).toContain(
    "subscribe to logs",
  );
  expect(await refusal("containers.logs", { container: "x", streamID: "../x", follow: false, range: {} })).toContain(
    "containers.logs",
  );
  expect(await refusal("images.load", { streamID: "../../etc" })).toBe('stream id "../../etc" is not a UUID');
  peer.send(subscribeNested(3, 30_000));
  await eventually(() => peer.answers.some((answer) => answer.id === 3 && answer.error !== undefined));
  expect(await peer.refusalOf("containers.list", {}, -3)).toContain("all");
});

it("lets nobody in before the handshake, no web page, and no other version", async () => {
  using early = await Peer.open();
  expect(await early.refusalOf("containers.list", { all: true })).toBe("containers.list came before system.handshake");
  expect(await early.refusalOf("subscribe", { topic: "state", params: { resume: null } }, 8)).toContain("came before");
  const params = { protocolVersion: protocolVersion + 1, clientName: "gantry", clientVersion: "9" };
  expect(await early.refusalOf("system.handshake", params, 9)).toContain(`speaks protocol ${protocolVersion + 1}`);
  expect(early.answers.at(-1)?.error?.data.hint).toContain("gantry engine stop");
  for (const headers of [{ origin: "http://example.org" }, { "sec-fetch-mode": "websocket" }]) {
    using page = await Peer.open("/rpc", headers);
    expect(page.closed).toContain("403");
    using stream = await Peer.open(`/stream/${randomUUID()}`, headers);
    expect(stream.closed).toContain("403");
  }
});

it("survives what is no WebSocket at all", async () => {
  for (const bytes of [
    randomBytes(100_000),
    Buffer.from("GET /rpc HT"),
    Buffer.from(`GET / HTTP/1.1\r\n${"a: b\r\n".repeat(10_000)}`),
  ]) {
    const socket = connect(engine.config.socket);
    socket.on("error", () => undefined);
    socket.write(bytes);
    await sleep(20);
    socket.destroy();
  }
  expect(await latency()).toBeLessThan(500);
});

it("answers ten thousand requests at once, and refuses to hold as many open", async () => {
  const container = await runContainer(engine);
  using peer = await Peer.greeted();
  for (let id = 1; id <= 10_000; id++) {
    peer.send({ jsonrpc: "2.0", id, method: "containers.list", params: { all: true } });
  }
  await eventually(() => peer.answers.length === 10_001);
  using waiting = await Peer.greeted();
  for (let id = 1; id <= 2000; id++) {
    waiting.send({ jsonrpc: "2.0", id, method: "containers.wait", params: { container, condition: "stopped" } });
  }
  await eventually(() => waiting.answers.length > 900);
  expect(waiting.answers[1]?.error?.message).toMatch(/^more than \d+ requests of one client at once$/);
  using subscriber = await Peer.greeted();
  for (let id = 1; id <= 300; id++) {
    subscriber.send({ jsonrpc: "2.0", id, method: "subscribe", params: { topic: "state", params: { resume: null } } });
  }
  await eventually(() => subscriber.answers.some(({ error }) => error?.message.includes("subscriptions") === true));
  expect(await latency()).toBeLessThan(500);
  await engine.client.request("containers.remove", { container, force: true, volumes: true });
});

it("is not filled by a client that does not read, and the container goes on when that is gone", async () => {
  const talker = await runContainer(engine, { command: ["yes", "a line that is as long as lines mostly are"] });
  const before = memory();
  const peers: Peer[] = [];
  for (let index = 0; index < 4; index++) {
    const peer = await Peer.greeted();
    peers.push(peer);
    const streamID = randomUUID();
    const stream = await Peer.open(`/stream/${streamID}`);
    peers.push(stream);
    stream.webSocket.pause();
    const range = { tail: null, since: null, until: null };
    const [method, params] =
      index % 2 === 0
        ? ["containers.logs", { container: talker, streamID, follow: true, range }]
        : ["containers.attach", { container: talker, streamID, stdin: false }];
    peer.send({ jsonrpc: "2.0", id: 1, method, params });
    const topic = { topic: "logs", params: { containers: [talker], range: { ...range, tail: 10 } } };
    peer.send({ jsonrpc: "2.0", id: 2, method: "subscribe", params: topic });
    await eventually(() => peer.answers.length >= 2);
    peer.webSocket.pause();
  }
  const slowest: number[] = [];
  for (let look = 0; look < 60; look++) {
    slowest.push(await latency());
    await sleep(25);
  }
  slowest.sort((one, other) => one - other);
  expect(slowest[Math.floor(slowest.length * 0.9)]).toBeLessThan(100);
  expect(memory() - before).toBeLessThan(100);
  for (const peer of peers) peer[Symbol.dispose]();
  const sizeOf = async () => (await engine.client.request("stats.sample", { containers: [talker] }))[0]?.cpu.total ?? 0;
  const used = await sizeOf();
  await eventually(async () => (await sizeOf()) - used > 50_000_000);
  await engine.client.request("containers.remove", { container: talker, force: true, volumes: true });
});
