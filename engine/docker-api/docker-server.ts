import { lstat, readlink, rm, symlink } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { arch } from "node:os";
import { engineVersion } from "../config.ts";
import { EngineError } from "../errors.ts";
import { listenOnSocket } from "../host/socket-listener.ts";
import { refusalOf } from "../lib/refusal.ts";
import type { ServerParts } from "../server/parts.ts";
import { ApiCall } from "./api-call.ts";
import { errorBody, statusOf } from "./api-error.ts";
import { apiVersion, newestVersion, parseVersion } from "./api-version.ts";
import { Router } from "./router.ts";
import { createRoutes } from "./routes.ts";

const serverName = `Gantry/${engineVersion} (linux; ${arch()})`;
/** Milliseconds after which a client that has not sent its headers is let go. */
const headersTimeout = 30_000;

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
  const router = new Router(createRoutes(parts));
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    void handle(router, request, response).catch((error) => fail(parts, { request, response, error }));
  };
  // Attach and exec use half of a connection on when the other is closed: end of input.
  const server = createServer({ headersTimeout, requestTimeout: 0, keepAliveTimeout: 30_000 }, answer);
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    else socket.destroy();
  });
  await listenOnSocket(server, options.socket);
  server.on("error", (error) => parts.log.error("a docker client could not be let in", { error }));
  if (options.link !== null) await makeLink(options.link, options.socket);
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      if (options.link !== null) await removeLink(options.link, options.socket);
      await rm(options.socket, { force: true });
    },
  };
}

async function handle(router: Router, request: IncomingMessage, response: ServerResponse): Promise<void> {
  setHeaders(response);
  const refusal = refusalOf(request);
  if (refusal !== null) throw new EngineError("permission-denied", refusal.message);
  const { version, path, query } = parseTarget(request.url ?? "/");
  response.setHeader("Api-Version", apiVersion);
  if (request.method === "OPTIONS") return void response.writeHead(200, { "Content-Length": 0 }).end();
  const match = findRoute(router, request.method ?? "GET", path);
  if (match === null) throw new EngineError("not-found", "page not found");
  await match.route.handle(new ApiCall({ request, response, params: match.params, query, version }));
}

/** Node answers HEAD without the body by itself. */
function findRoute(router: Router, method: string, path: string) {
  return router.find(method, path) ?? (method === "HEAD" ? router.find("GET", path) : null);
}

function setHeaders(response: ServerResponse): void {
  response.setHeader("Docker-Experimental", "false");
  response.setHeader("Ostype", "linux");
  response.setHeader("Server", serverName);
}

function parseTarget(target: string): { version: number; path: string; query: URLSearchParams } {
  const at = target.indexOf("?");
  const whole = at === -1 ? target : target.slice(0, at);
  const query = new URLSearchParams(at === -1 ? "" : target.slice(at + 1));
  const [, text, rest] = /^\/v(\d{1,3}\.\d{1,4})(\/.*)$/.exec(whole) ?? [];
  const path = rest ?? whole;
  if (/%(?![0-9a-f]{2})|%00/i.test(path)) throw new EngineError("invalid-argument", "the path is not well encoded");
  return { version: text === undefined ? newestVersion : parseVersion(text), path, query };
}

type Failure = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly error: unknown };

function fail(parts: ServerParts, { request, response, error }: Failure): void {
  const status = statusOf(error);
  if (status >= 500) parts.log.warning("a request of a docker client failed", { url: request.url ?? "", error });
  // An answer under way can only be broken off, so that the client does not take it for whole.
  if (response.headersSent) return void response.destroy();
  const text = `${JSON.stringify(errorBody(error))}\n`;
  // What is left of the body would be taken for the next request.
  const rest = request.complete ? {} : { Connection: "close" };
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
    ...rest,
  });
  response.end(text);
}

async function makeLink(link: string, socket: string): Promise<void> {
  const found = await lstat(link).catch(() => null);
  if (found !== null) {
    if (found.isSymbolicLink() && (await readlink(link)) === socket) return;
    if (await isAlive(link))
      throw new EngineError("already-exists", `${link} belongs to an engine that runs`, {
        hint: "stop that one first, or choose another --docker-socket",
      });
    if (!found.isSocket() && !found.isSymbolicLink()) {
      throw new EngineError("failed-precondition", `${link} is in the way: it is no socket`, { hint: "move it away" });
    }
    await rm(link);
  }
  await symlink(socket, link);
}

async function removeLink(link: string, socket: string): Promise<void> {
  if ((await readlink(link).catch(() => null)) === socket) await rm(link, { force: true });
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
