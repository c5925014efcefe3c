import type { IncomingMessage, ServerResponse } from "node:http";
import { engineVersion } from "../config.ts";
import { EngineError } from "../errors.ts";
import { refusalOf } from "../lib/refusal.ts";
import { hostPlatform } from "../oci/platform.ts";
import type { ServerParts } from "../server/parts.ts";
import { ApiCall } from "./api-call.ts";
import { errorBody, statusOf } from "./api-error.ts";
import { apiVersion, newestVersion, parseVersion } from "./api-version.ts";
import type { Router } from "./router.ts";

const serverName = `Gantry/${engineVersion} (linux; ${hostPlatform().architecture})`;

type Served = { readonly parts: ServerParts; readonly router: Router };

/** Answers one request, failures as docker's error body. Resolves when its handler has; never fails. */
export async function handleRequest(
  { parts, router }: Served,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await answer(router, request, response);
  } catch (error) {
    fail(parts, { request, response, error });
  }
}

async function answer(router: Router, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader("Api-Version", apiVersion);
  response.setHeader("Docker-Experimental", "true");
  response.setHeader("Ostype", "linux");
  response.setHeader("Server", serverName);
  const refusal = refusalOf(request);
  if (refusal !== null) throw new EngineError("permission-denied", refusal.message);
  const { version, path, query } = parseTarget(request.url ?? "/");
  if (request.method === "OPTIONS") return void response.writeHead(200, { "Content-Length": 0 }).end();
  const match = router.find(request.method ?? "GET", path);
  if (match === null) throw new EngineError("not-found", "page not found");
  await match.route.handle(new ApiCall({ request, response, params: match.params, query, version }));
}

/** Of `/v1.41/containers/json?all=1`, of the same without a version, and of either with a host before it. */
function parseTarget(target: string): { version: number; path: string; query: URLSearchParams } {
  const local = target.replace(/^https?:\/\/[^/?]*/i, "");
  const at = local.indexOf("?");
  const whole = at === -1 ? local : local.slice(0, at);
  const query = new URLSearchParams(at === -1 ? "" : local.slice(at + 1));
  const [, text, rest] = /^\/v(\d{1,3}\.\d{1,4})(\/.*)$/.exec(whole) ?? [];
  const path = rest ?? whole;
  if (/%(?![0-9a-f]{2})|%00/i.test(path)) throw new EngineError("invalid-argument", "the path is not well encoded");
  return { version: text === undefined ? newestVersion : parseVersion(text), path, query };
}

type Failure = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly error: unknown };

function fail(parts: ServerParts, { request, response, error }: Failure): void {
  // Nobody is there to be told, and whatever failed did so for that.
  if (response.destroyed || request.errored !== null) return void response.destroy();
  const status = statusOf(error);
  // Others say in words what there is not.
  if (status === 500) parts.log.warning("a request of a docker client failed", { url: request.url ?? "", error });
  // An answer under way can only be broken off, so that the client does not take it for whole.
  if (response.headersSent) return void response.destroy();
  const text = `${JSON.stringify(errorBody(error))}\n`;
  // What still comes of the body is thrown away, so that a client that sends it all before it reads finds the answer.
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
    ...(status === 408 ? { Connection: "close" } : {}),
  });
  response.end(text);
  request.resume();
}
