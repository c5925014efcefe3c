import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { EngineSocket } from "../../../src/client/engine-socket.ts";

const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

let directory = "";
let path = "";
let server: Server | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "engine-socket-"));
  path = join(directory, "socket");
});

afterEach(() => {
  server?.close();
  server = null;
  rmSync(directory, { recursive: true, force: true });
});

/** A peer that answers each connection by itself. */
function listen(answer: (socket: Socket) => void): Promise<void> {
  server = createServer((socket) => {
    socket.on("error", () => {});
    answer(socket);
  });
  return new Promise((resolve) => server?.listen(path, resolve));
}

function textFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);
}

type Heard = { messages: string[]; ended: Promise<string> };

function hear(socket: EngineSocket): Heard {
  const { promise, resolve } = Promise.withResolvers<string>();
  const heard: Heard = { messages: [], ended: promise };
  socket.listen({
    message: (bytes, isBinary) => heard.messages.push(isBinary ? `${bytes.length} bytes` : bytes.toString()),
    close: (reason) => resolve(reason),
  });
  return heard;
}

describe("EngineSocket", () => {
  it("speaks with ws in every size of frame, both ways", async () => {
    const peer = new WebSocketServer({ noServer: true });
    await listen((socket) => {
      let head = "";
      socket.once("data", (chunk) => {
        head = chunk.toString("latin1");
        const key = /Sec-WebSocket-Key: (\S+)/.exec(head)?.[1];
        const request = {
          method: "GET",
          headers: { upgrade: "websocket", "sec-websocket-key": key, "sec-websocket-version": "13" },
        };
        const rest = chunk.subarray(head.indexOf("\r\n\r\n") + 4);
        peer.handleUpgrade(request as never, socket, rest, (webSocket: WebSocket) => {
          webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }));
        });
      });
    });
    const socket = await EngineSocket.open(path, "/rpc", "sent along");
    const { messages } = hear(socket);
    socket.resume();
    for (const size of [0, 125, 126, 65_535, 65_536, 3_000_000]) socket.send(Buffer.alloc(size, 7));
    socket.send("last");
    await expect.poll(() => messages.length).toBe(8);
    expect(messages).toEqual([
      "sent along",
      ...[0, 125, 126, 65_535, 65_536, 3_000_000].map((size) => `${size} bytes`),
      "last",
    ]);
    socket.close();
  });

  it("takes frames that come byte by byte, and the reason of the end", async () => {
    const reason = Buffer.concat([Buffer.from([0x88, 2 + 8, 0x03, 0xe9]), Buffer.from("it stops")]);
    const bytes = Buffer.concat([Buffer.from(switching), textFrame("one"), textFrame("two"), reason]);
    await listen((socket) => {
      let sent = 0;
      const next = () => {
        if (sent === bytes.length) return;
        socket.write(bytes.subarray(sent, ++sent));
        setImmediate(next);
      };
      next();
    });
    const socket = await EngineSocket.open(path, "/rpc");
    const heard = hear(socket);
    socket.resume();
    expect(await heard.ended).toBe("it stops");
    expect(heard.messages).toEqual(["one", "two"]);
  });

  it("gives nothing out while it is paused, and what came before an end before that end", async () => {
    await listen((socket) => socket.end(Buffer.concat([Buffer.from(switching), textFrame("one"), textFrame("two")])));
    const socket = await EngineSocket.open(path, "/rpc");
    const messages: string[] = [];
    const ended = new Promise<void>((resolve) =>
      socket.listen({
        message: (bytes) => {
          messages.push(bytes.toString());
          socket.pause();
        },
        close: () => resolve(),
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(messages).toEqual([]);
    socket.resume();
    expect(messages).toEqual(["one"]);
    socket.resume();
    expect(messages).toEqual(["one", "two"]);
    socket.resume();
    await ended;
  });

  it.each([
    ["a fragment", [0x01, 1, 65]],
    ["a mask", [0x81, 0x81, 0, 0, 0, 0, 65]],
    ["a length beyond all reason", [0x82, 127, 1, 0, 0, 0, 0, 0, 0, 0]],
    ["an unknown kind", [0x8b, 0]],
  ])("ends at %s, which the engine does not send", async (_what, bytes) => {
    await listen((socket) => socket.write(Buffer.concat([Buffer.from(switching), Buffer.from(bytes)])));
    const socket = await EngineSocket.open(path, "/rpc");
    const heard = hear(socket);
    socket.resume();
    expect(await heard.ended).toMatch(/frame/);
    expect(heard.messages).toEqual([]);
  });

  it("says why it was refused", async () => {
    await listen((socket) => socket.end("HTTP/1.1 403 Refused\r\nconnection: close\r\n\r\nno browsers\n"));
    await expect(EngineSocket.open(path, "/rpc")).rejects.toMatchObject({
      code: "unavailable",
      message: `connect to engine on ${path}: it answered 403: no browsers`,
    });
  });

  it("says so where nobody listens", async () => {
    await expect(EngineSocket.open(path, "/rpc")).rejects.toMatchObject({
      code: "unavailable",
      message: `no engine listens on ${path}`,
    });
  });
});
