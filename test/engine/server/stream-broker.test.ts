import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { StreamBroker } from "../../../engine/server/stream-broker.ts";

const never = new AbortController().signal;
let server: WebSocketServer;

beforeAll(async () => {
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
});
afterAll(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

/** Both ends of one socket. */
async function socketPair(): Promise<{ client: WebSocket; accepted: WebSocket }> {
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [[accepted]] = (await Promise.all([once(server, "connection"), once(client, "open")])) as [
    [WebSocket],
    unknown,
  ];
  return { client, accepted };
}

it("brings both halves together, in either order", async () => {
  const broker = new StreamBroker();
  for (const socketFirst of [true, false]) {
    const id = randomUUID();
    const { client, accepted } = await socketPair();
    if (socketFirst) broker.offer(id, accepted);
    const expected = broker.expect(id, never);
    if (!socketFirst) broker.offer(id, accepted);
    const stream = await expected;
    client.send(Buffer.from("early"));
    client.send(JSON.stringify({ type: "end" }));
    const chunks: string[] = [];
    for await (const chunk of stream.input()) chunks.push(chunk.toString());
    expect(chunks).toEqual(["early"]);
    const messages: unknown[] = [];
    client.on("message", (data, isBinary) =>
      messages.push(isBinary ? [...(data as Buffer)] : JSON.parse(String(data))),
    );
    stream.send(2, Buffer.from("x"));
    stream.exit(3);
    await once(client, "close");
    expect(messages).toEqual([[2, 120], { type: "exit", exitCode: 3 }]);
  }
});

it("does not wait for ever for either half", async () => {
  const broker = new StreamBroker(30);
  await expect(broker.expect(randomUUID(), never)).rejects.toMatchObject({ code: "unavailable" });
  const { client, accepted } = await socketPair();
  const said = once(client, "message");
  broker.offer(randomUUID(), accepted);
  expect(JSON.parse(String((await said)[0]))).toMatchObject({ type: "error" });
});

it("refuses what is no UUID, and an id in use", async () => {
  const broker = new StreamBroker(30);
  await expect(broker.expect("../rpc", never)).rejects.toThrow('stream id "../rpc" is not a UUID');
  const id = randomUUID();
  const first = broker.expect(id, never).catch(() => {});
  await expect(broker.expect(id, never)).rejects.toThrow("is in use by another request");
  await first;
});

it("holds a client back that sends more than is taken", async () => {
  const broker = new StreamBroker();
  const id = randomUUID();
  const { client, accepted } = await socketPair();
  broker.offer(id, accepted);
  const stream = await broker.expect(id, never);
  const chunk = Buffer.alloc(1 << 20);
  for (let count = 0; count < 64; count++) client.send(chunk);
  client.send(JSON.stringify({ type: "end" }));
  stream.onControl(() => {});
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(accepted.isPaused).toBe(true);
  expect(client.bufferedAmount).toBeGreaterThan(32 << 20);
  let bytes = 0;
  for await (const part of stream.input()) bytes += part.length;
  expect(bytes).toBe(64 << 20);
});

it("survives a client that opens a stream twice and then breaks the protocol", async () => {
  const broker = new StreamBroker(100);
  const id = randomUUID();
  const [first, second] = [await socketPair(), await socketPair()];
  broker.offer(id, first.accepted);
  broker.offer(id, second.accepted);
  expect(second.accepted.listenerCount("error")).toBeGreaterThan(0);
  expect((await once(second.client, "close"))[0]).toBe(4409);
  first.client.terminate();
});

it("drops what comes after it has closed, so that it sees the goodbye", async () => {
  const broker = new StreamBroker();
  const id = randomUUID();
  const { client, accepted } = await socketPair();
  broker.offer(id, accepted);
  const stream = await broker.expect(id, never);
  stream.onControl(() => {});
  const closed = once(accepted, "close");
  for (let count = 0; count < 16; count++) client.send(Buffer.alloc(1 << 20));
  stream.fail(new Error("disk full"));
  await closed;
}, 5_000);
