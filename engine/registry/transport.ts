import { type ClientRequest, type OutgoingHttpHeaders, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { join } from "node:path";
import { engineVersion } from "../config.ts";
import { EngineError, messageOf } from "../errors.ts";
import { Answer, cutFailure, silenceFailure } from "./answer.ts";
import type { Connections } from "./connections.ts";
import { connectionFailure, plainWords, RegistryFailure } from "./failures.ts";
import { type HostCertificates, readHostCertificates } from "./host-certificates.ts";
import { type Environment, findProxy, isInsecureHost, leadsInwards } from "./host-rules.ts";
import { type RegistrySettings, readRegistrySettings } from "./registry-settings.ts";
import { cancelled, type Patience } from "./retry.ts";

export type RequestBody = { readonly size: number; readonly open: () => AsyncIterable<Uint8Array> };

export type Outgoing = {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** False: a redirect is answer enough. */
  readonly isFollowed?: boolean;
  readonly signal: AbortSignal;
};

export type TransportOptions = {
  readonly connections: Connections;
  /** The administrator's directory. */
  readonly settings: string;
  readonly environment: Environment;
  readonly patience: Patience;
  /** The registry this is for: what its directory says of authorities holds for servers it sends us to as well. */
  readonly home: string;
};

const redirectLimit = 5;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);
/** A registry that has all bytes of an upload may have to move them before it answers. */
const thinkingTimes = 5;

/** Requests for one piece of work with one registry. What the administrator decided is read when the first one is made. */
export class Transport {
  readonly patience: Patience;
  readonly home: string;
  readonly #options: TransportOptions;
  readonly #certificates = new Map<string, Promise<HostCertificates>>();
  readonly #insecure = new Map<string, Promise<boolean>>();
  #settings: Promise<RegistrySettings> | null = null;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.patience = options.patience;
    this.home = options.home;
  }

  settings(): Promise<RegistrySettings> {
    this.#settings ??= readRegistrySettings(this.#options.settings);
    return this.#settings;
  }

  /** True for hosts that may speak http and whose certificates are not checked. */
  async isInsecure(host: string): Promise<boolean> {
    // As its name was written, with the usual port or without.
    const written = this.#isHome(host) ? this.home : host;
    const known = this.#insecure.get(host) ?? this.settings().then((settings) => isInsecureHost(written, settings));
    this.#insecure.set(host, known);
    return known;
  }

  /**
   * Sends and follows redirects, of requests that only read; others come back as they are. Authorization stays with the first
   * origin. Fails with `unavailable` (transient ones say so), `corrupt` for redirects that must not be, `cancelled`.
   */
  async follow(outgoing: Outgoing): Promise<Answer> {
    let current = outgoing;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.send(current);
      const location = answer.header("location");
      const mayFollow = outgoing.method === "GET" || outgoing.method === "HEAD";
      if (!mayFollow || outgoing.isFollowed === false || !redirectStatuses.has(answer.status) || location === undefined)
        return answer;
      await answer.discard();
      if (redirects === redirectLimit) {
        throw new RegistryFailure("corrupt", `${answer.who} redirects more than ${redirectLimit} times`);
      }
      const url = await this.checkRedirect(location, current.url);
      const { authorization: _dropped, ...others } = current.headers ?? {};
      const headers = url.origin === current.url.origin ? (current.headers ?? {}) : others;
      current = { ...current, url, headers };
    }
  }

  /** A Location as a URL. Fails with `corrupt` where it leads from https to http, or to http where that is not allowed. */
  async checkRedirect(location: string, from: URL): Promise<URL> {
    const url = URL.canParse(location, from.href) ? new URL(location, from) : null;
    const who = this.nameOf(from);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new RegistryFailure("corrupt", `${who} redirects to something that is no http address`);
    }
    url.username = "";
    url.password = "";
    const isSame = url.origin === from.origin;
    if (!isSame && url.protocol === "http:" && (from.protocol === "https:" || !(await this.isInsecure(url.host)))) {
      throw new RegistryFailure("corrupt", `${who} redirects to ${url.host} without encryption`);
    }
    if (leadsInwards(url.host, from.host)) {
      throw new RegistryFailure("corrupt", `${who} redirects to ${url.host}, which is an address of this host's own`);
    }
    return url;
  }

  /** One request, one answer. */
  async send(outgoing: Outgoing): Promise<Answer> {
    for (;;) {
      const request = await this.#begin(outgoing);
      try {
        return await this.#complete(request, outgoing);
      } catch (error) {
        request.destroy();
        if (outgoing.signal.aborted) throw cancelled(error);
        // A server may close an idle connection while a request is on its way: nobody's fault, and other connections are there.
        if (request.reusedSocket && outgoing.body === undefined && isReset(error)) continue;
        if (error instanceof EngineError) throw error;
        const via = await this.#viaProxy(outgoing.url);
        throw connectionFailure(this.nameOf(outgoing.url) + via, outgoing.url.host, error);
      }
    }
  }

  /** `registry 10.0.0.1:5000`, for messages. */
  nameOf({ host }: URL): string {
    return this.#isHome(host) ? `registry ${this.home}` : `server ${host}`;
  }

  /** True for a URL's host, which has no port where it is the usual one of the scheme. */
  #isHome(host: string): boolean {
    const home = apiHostOf(this.home);
    return host === home || ["https", "http"].some((scheme) => new URL(`${scheme}://${home}`).host === host);
  }

  async #begin(outgoing: Outgoing): Promise<ClientRequest> {
    const { url, signal, method } = outgoing;
    const protocol = url.protocol === "https:" ? "https:" : "http:";
    const proxy = findProxy(url, await this.settings(), this.#options.environment);
    const isChecked = protocol === "https:" && !(await this.isInsecure(url.host));
    const certificates = protocol === "https:" ? await this.#certificatesFor(url.host) : noCertificates;
    const needs = { protocol, proxy, certificates, isChecked } as const;
    const agent = await this.#options.connections.agentFor(needs).catch((error) => {
      throw error instanceof EngineError ? error : unusableCertificates(url.host, error);
    });
    if (signal.aborted) throw cancelled(signal.reason);
    const make = protocol === "https:" ? requestSecure : requestPlain;
    return make(url, { agent, method, headers: headersOf(outgoing), signal });
  }

  async #viaProxy(url: URL): Promise<string> {
    const proxy = findProxy(url, await this.settings(), this.#options.environment);
    return proxy === null ? "" : ` by the proxy ${new URL(proxy).host}`;
  }

  async #certificatesFor(host: string): Promise<HostCertificates> {
    const isWritten = this.#isHome(host) && host !== apiHostOf(this.home);
    const own = await this.#readCertificates(isWritten ? this.home : host);
    if (isWritten || host === this.home) return own;
    const { authorities } = await this.#readCertificates(this.home);
    return { authorities: [...own.authorities, ...authorities], clients: own.clients };
  }

  #readCertificates(host: string): Promise<HostCertificates> {
    const directories = [join(this.#options.settings, "certs.d"), "/etc/docker/certs.d"];
    const known = this.#certificates.get(host) ?? readHostCertificates(directories, host);
    this.#certificates.set(host, known);
    return known;
  }

  /** Sends the body and waits for the head of the answer, which may come before the body's end. */
  #complete(request: ClientRequest, { body, url, signal }: Outgoing): Promise<Answer> {
    const { silence, connect } = this.patience;
    const who = this.nameOf(url);
    return new Promise((resolve, reject) => {
      const guard = new SilenceGuard((after) => request.destroy(silenceFailure(who, after)));
      guard.watch(Math.min(connect, silence));
      request.once("response", (message) => {
        guard.stop();
        // Who answers before he has all wants no more of it.
        message.once("end", () => request.writableEnded || request.destroy());
        resolve(new Answer(message, { who, url, signal, silence }));
      });
      request.on("error", reject);
      request.once("close", () => {
        guard.stop();
        reject(cutFailure(who));
      });
      request.once("socket", (socket) => {
        if (socket.connecting) socket.once("connect", () => guard.watch(silence));
        else guard.watch(silence);
      });
      if (body === undefined) {
        request.end();
        return;
      }
      sendBody(request, body, () => guard.watch(silence))
        .then(() => guard.watch(silence * thinkingTimes))
        .catch((error) => request.destroy(EngineError.wrap("read what is to be uploaded", error)));
    });
  }
}

function unusableCertificates(host: string, cause: unknown): EngineError {
  const reason = plainWords(messageOf(cause), 120);
  return new EngineError("failed-precondition", `the certificates for ${host} in certs.d cannot be used: ${reason}`, {
    cause,
    hint: "they and their keys must be PEM files",
  });
}

const noCertificates: HostCertificates = { authorities: [], clients: [] };

/** docker.io is a name, not a server. */
export function apiHostOf(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

function headersOf({ headers, body, method }: Outgoing): OutgoingHttpHeaders {
  const length =
    body === undefined ? (method === "POST" ? { "content-length": 0 } : {}) : { "content-length": body.size };
  // Bytes count as they are stored: nothing may be compressed on the way.
  return { "user-agent": `gantry/${engineVersion}`, "accept-encoding": "identity", ...length, ...headers };
}

/** Fails with `corrupt` where the source gives another number of bytes than the head of the request says. */
async function sendBody(request: ClientRequest, body: RequestBody, onBytes: () => void): Promise<void> {
  let isAnswered = false;
  request.once("response", () => {
    isAnswered = true;
  });
  let size = 0;
  for await (const chunk of body.open()) {
    size += chunk.length;
    if (size > body.size) break;
    if (isAnswered || request.destroyed) return;
    onBytes();
    if (!request.write(chunk)) await drained(request);
  }
  if (isAnswered || request.destroyed) return;
  if (size !== body.size) {
    throw new EngineError("corrupt", `what is to be uploaded should have ${body.size} bytes, and has not`);
  }
  request.end();
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off("drain", done).off("close", done);
      resolve();
    };
    request.on("drain", done).on("close", done);
  });
}

function isReset(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

/** Calls when nothing happened for a while. */
class SilenceGuard {
  #timer: NodeJS.Timeout | null = null;
  #after = 0;
  #isStopped = false;
  readonly #onSilence: (after: number) => void;

  constructor(onSilence: (after: number) => void) {
    this.#onSilence = onSilence;
  }

  /** From now on, so many milliseconds. */
  watch(after: number): void {
    if (this.#isStopped) return;
    if (this.#timer !== null && this.#after === after) {
      this.#timer.refresh();
      return;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#after = after;
    this.#timer = setTimeout(() => this.#onSilence(after), after);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
