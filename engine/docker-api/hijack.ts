import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";
import { EngineError } from "../errors.ts";
import type { ApiCall } from "./api-call.ts";
import { HijackedStream } from "./hijacked-stream.ts";

const rawStream = "application/vnd.docker.raw-stream";
const multiplexedStream = "application/vnd.docker.multiplexed-stream";
/** Of one message. */
const maxPayload = 1024 * 1024;

const hijacked = new WeakSet<Duplex>();
const webSockets = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload,
});

/** What a stream of stdout and stderr is called: clients from 1.42 on are told whether it has frames. */
export function streamType(isFramed: boolean, version: number): string {
  return isFramed && version >= 42 ? multiplexedStream : rawStream;
}

/**
 * Takes the connection from HTTP, as attach and exec do: with `Upgrade: tcp` by 101, else, as older clients ask for it, by a 200 whose body
 * never ends, and whose request's neither. Without a listener for `upgrade` Node gives both as ordinary requests, bodies read by its own parser.
 */
export async function hijack(call: ApiCall, { isFramed }: { readonly isFramed: boolean }): Promise<HijackedStream> {
  const { request, version } = call;
  // At once where there is none: what a hasty client has sent by now would be taken for its next request.
  if (hasBody(call)) await dropBody(call);
  const { socket } = request;
  takeFromParser(socket);
  const isUpgrade = request.headers.upgrade !== undefined;
  const head = isUpgrade
    ? ["HTTP/1.1 101 UPGRADED", `Content-Type: ${streamType(isFramed, version)}`, "Connection: Upgrade", "Upgrade: tcp"]
    : ["HTTP/1.1 200 OK", `Content-Type: ${rawStream}`];
  socket.write(`${head.join("\r\n")}\r\n\r\n`, "latin1");
  return new HijackedStream(socket, isFramed);
}

/** The same for a WebSocket. Its bytes have no frames but its own. */
export async function hijackWebSocket(call: ApiCall): Promise<HijackedStream> {
  const { request } = call;
  if (request.headers.upgrade?.toLowerCase() !== "websocket") {
    throw new EngineError("invalid-argument", "this endpoint speaks WebSocket only");
  }
  if (hasBody(call)) await dropBody(call);
  takeFromParser(request.socket);
  return new Promise((resolve, reject) => {
    // A handshake that is none is answered with 400, and closed.
    request.socket.once("close", () => reject(new EngineError("cancelled", "the client closed its connection")));
    webSockets.handleUpgrade(request, request.socket, Buffer.alloc(0), (webSocket) =>
      resolve(new HijackedStream(createWebSocketStream(webSocket), false)),
    );
  });
}

/** What such a client sends before it has our answer is lost, in docker too, and is no request of its own. */
export function isHijacked(socket: Duplex): boolean {
  return hijacked.has(socket);
}

/** Some clients send their options as a body once more. One of unknown length would be their input. */
function hasBody({ request }: ApiCall): boolean {
  return Number(request.headers["content-length"] ?? 0) > 0;
}

async function dropBody({ request }: ApiCall): Promise<void> {
  request.resume();
  if (request.readableEnded || request.destroyed) return;
  await new Promise<void>((resolve) => {
    request.once("end", resolve);
    request.once("close", resolve);
  });
}

/** To be called between two requests. The parser notices the end of the connection still, and is freed with it. */
function takeFromParser(socket: Socket): void {
  for (const event of ["data", "end", "drain", "timeout", "error"]) socket.removeAllListeners(event);
  // Until somebody else listens.
  socket.on("error", () => socket.destroy());
  socket.setTimeout(0);
  hijacked.add(socket);
}
