import { type IncomingMessage, Agent as PlainAgent, request as requestPlain } from "node:http";
import { request as requestSecure, Agent as SecureAgent } from "node:https";
import { EngineError, messageOf } from "../../errors.ts";
import { readHostAuthorities } from "../../registry/host-certificates.ts";

/** As Go's client has it, and so docker. */
const redirectLimit = 10;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);
/** Milliseconds without a byte. */
const silence = 60_000;

/**
 * Gets a URL, redirects followed, through the engine's proxy. Without compression: what comes are the file's own bytes. Fails with
 * `invalid-argument` for what is no http address, `unavailable`, `not-found` where the server says so, `cancelled`.
 */
export async function httpGet(address: string, signal: AbortSignal): Promise<IncomingMessage> {
  let url = parseAddress(address);
  for (let redirects = 0; redirects <= redirectLimit; redirects++) {
    const answer = await send(url, signal);
    const status = answer.statusCode ?? 0;
    const location = answer.headers.location;
    if (status >= 200 && status < 300) return answer;
    answer.destroy();
    if (!redirectStatuses.has(status) || location === undefined) throw refused(url, status);
    const next = URL.canParse(location, url.href) ? new URL(location, url) : null;
    if (next === null) throw new EngineError("unavailable", `${shown(url)} redirects to something that is no address`);
    // A name and a password are for whom they were written.
    if (next.username === "" && next.origin === url.origin)
      [next.username, next.password] = [url.username, url.password];
    url = checked(next);
  }
  throw new EngineError("unavailable", `${shown(url)} redirects more than ${redirectLimit} times`);
}

/** Without a name and a password. */
export function shown(url: URL): string {
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  return copy.href;
}

export function parseAddress(address: string): URL {
  if (!URL.canParse(address)) throw new EngineError("invalid-argument", "the address is no URL");
  return checked(new URL(address));
}

function checked(url: URL): URL {
  if (url.protocol === "http:" || url.protocol === "https:") return url;
  throw new EngineError("invalid-argument", `${shown(url)} is no http address`);
}

async function send(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const isSecure = url.protocol === "https:";
  const options = { proxyEnv: process.env, timeout: silence };
  const agent = isSecure
    ? new SecureAgent({ ...options, ca: [...(await readHostAuthorities(process.env))], minVersion: "TLSv1.2" })
    : new PlainAgent(options);
  const headers = { "user-agent": "gantry", "accept-encoding": "identity" };
  return new Promise((resolve, reject) => {
    const request = (isSecure ? requestSecure : requestPlain)(url, { agent, headers, signal, timeout: silence });
    request.on("timeout", () => request.destroy(new Error(`no answer for ${silence / 1000} s`)));
    request.on("response", resolve);
    request.on("error", (error) => reject(failureOf(url, error, signal)));
    request.end();
  });
}

/** What a transfer that broke off ends with. */
export function failureOf(url: URL, error: unknown, signal: AbortSignal): EngineError {
  if (signal.aborted) return new EngineError("cancelled", "cancelled", { cause: error });
  if (error instanceof EngineError) return error;
  return new EngineError("unavailable", `${shown(url)}: ${messageOf(error)}`, { cause: error });
}

function refused(url: URL, status: number): EngineError {
  const code = status === 404 || status === 410 ? "not-found" : "unavailable";
  return new EngineError(code, `${shown(url)}: invalid response status ${status}`);
}
