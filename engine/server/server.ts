import { rm } from "node:fs/promises";
import { createServer as createHTTPServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { listenOnSocket } from "../host/socket-listener.ts";
import { refusalOf } from "../lib/refusal.ts";
import { stopNotice } from "../protocol/constants.ts";
import { createHandlers } from "./dispatch.ts";
import type { ServerParts } from "./parts.ts";
import { Session, type SessionParts } from "./session.ts";
import { StateFeed } from "./state-feed.ts";
import { StreamBroker } from "./stream-broker.ts";

/** A message holds at most a request with a seccomp profile, or a chunk of an upload. */
const maxPayload = 16 * 1024 * 1024;

export interface EngineServer extends AsyncDisposable {
  /** Lets nobody in any more, closes all connections and removes the socket. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Listens on the unix socket of `parts.config`: `/rpc` and `/stream/<id>`, see protocol/. Mode 0660 with group `gantry` where that
 * group exists, else 0600. A stale socket is replaced, a living one never: fails with `already-exists`.
 */
export async function createServer(parts: ServerParts): Promise<EngineServer> {
  const state = new StateFeed(parts);
  const session: SessionParts = { ...parts, state, handlers: createHandlers(parts), streams: new StreamBroker() };
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload });
  const server = createHTTPServer((request, response) => {
    const refusal = refusalOf(request) ?? { status: 404, message: "the engine speaks WebSocket at /rpc only" };
    response.writeHead(refusal.status, { "content-type": "application/json", connection: "close" });
    response.end(`${JSON.stringify({ message: refusal.message })}\n`);
  });
  server.on("upgrade", (request, socket, head) => upgrade(webSockets, session, { request, socket, head }));
  await listenOnSocket(server, parts.config.socket);
  // One connection that cannot be taken, e.g. for want of descriptors, is not the end of the others.
  server.on("error", (error) => parts.log.error("a client could not be let in", { error }));
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      state[Symbol.dispose]();
      for (const client of webSockets.clients) client.close(1001, stopNotice);
      setTimeout(() => {
        for (const client of webSockets.clients) client.terminate();
        server.closeAllConnections();
      }, 200).unref();
      await new Promise<void>((resolve) => server.once("close", resolve));
      await rm(parts.config.socket, { force: true });
    },
  };
}

type Upgrade = { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer };

function upgrade(webSockets: WebSocketServer, parts: SessionParts, { request, socket, head }: Upgrade): void {
  // A client that goes in this very moment is nobody's failure.
  socket.on("error", () => socket.destroy());
  const path = request.url ?? "";
  const streamID = path.startsWith("/stream/") ? path.slice("/stream/".length) : null;
  const refusal = refusalOf(request);
  if (refusal !== null || (path !== "/rpc" && streamID === null)) {
    const { status, message } = refusal ?? { status: 404, message: "no such path" };
    socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n${message}\n`);
    return;
  }
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    if (streamID === null) new Session(webSocket, parts);
    else parts.streams.offer(streamID, webSocket);
  });
}
