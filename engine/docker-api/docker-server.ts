import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { makeSocketLink, removeSocketLink } from "../host/socket-link.ts";
import { listenOnSocket } from "../host/socket-listener.ts";
import type { ServerParts } from "../server/parts.ts";
import { handleRequest } from "./handle-request.ts";
import { isHijacked } from "./hijack.ts";
import { Router } from "./router.ts";
import { createRoutes } from "./routes.ts";
import { Turns } from "./turns.ts";

/** Milliseconds after which a client that has not sent its headers is let go. */
const headersTimeout = 30_000;
/** Bytes: filters and accounts of many registries are long; Go's own limit is 1 MiB. */
const maxHeaderSize = 256 * 1024;

export type DockerServerOptions = {
  readonly socket: string;
  /** A path that leads to the socket as well, as /var/run/docker.sock, or null. */
  readonly link: string | null;
};

/**
 * Serves docker's Engine API. A link in the place of a living daemon's socket is never made: fails with `already-exists`. Both are gone
 * when it is disposed of.
 */
export async function createDockerServer(parts: ServerParts, options: DockerServerOptions): Promise<AsyncDisposable> {
  const { socket, link } = options;
  const record = parts.config.dockerLinkFile;
  const router = new Router(createRoutes(parts));
  const turns = new Turns();
  const answer = (request: IncomingMessage, response: ServerResponse) =>
    turns.take(request, response, () => void handleRequest({ parts, router }, request, response));
  // Like docker's, a connection that nobody uses stays: a client may be about to send its next request.
  const limits = { headersTimeout, maxHeaderSize, requestTimeout: 0, keepAliveTimeout: 0 };
  const server = createServer(limits, answer);
  server.on("clientError", (error: NodeJS.ErrnoException, client) => {
    if (isHijacked(client)) return;
    if (turns.isTaken(client) || !client.writable || isSilent(client)) client.destroy();
    else client.end(refusalOf(error));
  });
  await listenOnSocket(server, socket);
  server.on("error", (error) => parts.log.error("a docker client could not be let in", { error }));
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await removeSocketLink({ socket, record });
    await rm(socket, { force: true });
  };
  try {
    if (link === null) await removeSocketLink({ socket, record });
    else await makeSocketLink({ link, socket, record });
  } catch (error) {
    await close();
    throw error;
  }
  return { [Symbol.asyncDispose]: close };
}

/** One that has never said anything: what it would read is no answer. */
function isSilent(client: Duplex): boolean {
  return (client as Socket).bytesRead === 0;
}

/** What is no HTTP request, as a whole answer. */
function refusalOf({ code, message }: NodeJS.ErrnoException): string {
  const [status, reason] =
    code === "HPE_HEADER_OVERFLOW"
      ? ["431 Request Header Fields Too Large", `the headers are longer than ${maxHeaderSize} bytes`]
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? ["408 Request Timeout", "the request did not come to its end"]
        : ["400 Bad Request", `this is no request of HTTP: ${message}`];
  const body = `${JSON.stringify({ message: reason })}\n`;
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`;
}
