import type { Credentials } from "../protocol/transfers.ts";
import type { Answer } from "./answer.ts";
import { Authorizer, type TokenCache } from "./authorization.ts";
import type { Challenge } from "./challenge.ts";
import { RegistryFailure } from "./failures.ts";
import { cancelled, type Patience } from "./retry.ts";
import { statusFailure } from "./status-failure.ts";
import { apiHostOf, type Outgoing, type Transport } from "./transport.ts";

/** What the client remembers between pieces of work. */
export type ClientMemory = {
  readonly tokens: TokenCache;
  /** `http:` or `https:` for each host that may speak either. */
  readonly schemes: Map<string, Promise<"http:" | "https:">>;
  /** Aborted when the client closes. */
  readonly closing: AbortSignal;
};

export type EndpointOptions = {
  readonly transport: Transport;
  readonly memory: ClientMemory;
  readonly credentials: Credentials | null;
  readonly scopes: readonly string[];
  /** URL of a mirror, null for the registry itself. */
  readonly mirror: string | null;
};

export type Ask = Omit<Outgoing, "url"> & {
  /** Below `/v2/`, or a URL that the registry gave. */
  readonly at: string | URL;
  /** Statuses the caller deals with; others fail. */
  readonly expected: readonly number[];
  /** The thing asked for, for messages: `manifest 1.0 of registry.example/team/web`. */
  readonly what: string;
  /** Shows nothing, and takes a 401 as it comes. */
  readonly isBare?: boolean;
};

/** Tries of a first contact: who mistyped a name should not wait for an answer. */
const firstTries = 2;
/** Milliseconds for a server that may speak http to answer what an https client says. */
const schemePatience = 5_000;
/** Requests for one answer: without authorization, with an old token, with a new one, and one for other scopes. */
const mostRounds = 4;

/** A registry's API, or a mirror's: knows the scheme it speaks and what it wants to be shown. */
export class Endpoint {
  readonly transport: Transport;
  readonly isMirror: boolean;
  readonly #options: EndpointOptions;
  #authorizer: Authorizer | null = null;
  #hasAnswered = false;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.transport = options.transport;
    this.isMirror = options.mirror !== null;
  }

  get patience(): Patience {
    return this.transport.patience;
  }

  /** For messages. */
  get name(): string {
    const { mirror } = this.#options;
    return mirror === null ? `registry ${this.transport.home}` : `mirror ${new URL(mirror).host}`;
  }

  /**
   * One request with all that belongs to it: scheme, authorization, redirects. Fails with what the status means; transient
   * failures are the caller's to try again.
   */
  async ask(ask: Ask): Promise<Answer> {
    try {
      const answer = await this.#askAuthorized(ask);
      this.#hasAnswered = true;
      if (ask.expected.includes(answer.status)) return answer;
      const isAnonymous = this.#options.credentials === null;
      throw await statusFailure(answer, { what: ask.what, isAnonymous, registry: this.transport.home });
    } catch (error) {
      if (!(error instanceof RegistryFailure)) throw error;
      // What Go's servers say to http where they speak https.
      if (error.status === 400) this.#options.memory.schemes.delete(this.transport.home);
      if (error.status !== null || !error.isTransient) throw error;
      // It may have been started anew with another scheme.
      this.#options.memory.schemes.delete(this.transport.home);
      throw this.#hasAnswered ? error : error.withTries(firstTries);
    }
  }

  async #askAuthorized(ask: Ask): Promise<Answer> {
    const base = await this.#base(ask.signal);
    const url = typeof ask.at === "string" ? new URL(`v2/${ask.at}`, base) : ask.at;
    // A registry may let bytes be brought elsewhere; what it wants to be shown is not for others.
    const isOwn = url.origin === base.origin && ask.isBare !== true;
    const authorizer = this.#authorizerFor(base);
    for (let round = 1; ; round += 1) {
      const authorization = isOwn ? await authorizer.authorize(ask.signal) : null;
      const shown = authorization === null ? {} : { authorization: authorization.header };
      const answer = await this.transport.follow({ ...ask, url, headers: { ...ask.headers, ...shown } });
      if (answer.status !== 401 || !isOwn || answer.url.origin !== base.origin || round === mostRounds) return answer;
      if (!authorizer.learn(answer.header("www-authenticate"), authorization)) return answer;
      await answer.discard();
    }
  }

  /** URL of something that is not below `/v2/`. */
  async urlOf(path: string, signal: AbortSignal): Promise<URL> {
    return new URL(path, await this.#base(signal));
  }

  /** URL of the token server that a challenge names. Fails with `unavailable` where it must not be trusted with a password. */
  realmOf(challenge: Challenge, origin: URL): Promise<URL> {
    return this.#authorizerFor(origin).realmOf(challenge);
  }

  #authorizerFor(base: URL): Authorizer {
    if (this.#authorizer !== null) return this.#authorizer;
    const { transport, memory, credentials, scopes } = this.#options;
    this.#authorizer = new Authorizer({
      transport,
      cache: memory.tokens,
      origin: base.origin,
      credentials: this.isMirror ? null : credentials,
      scopes,
      closing: memory.closing,
    });
    return this.#authorizer;
  }

  async #base(signal: AbortSignal): Promise<URL> {
    const { mirror } = this.#options;
    if (mirror !== null) return new URL(`${mirror}/`);
    const host = apiHostOf(this.transport.home);
    if (!(await this.transport.isInsecure(host))) return new URL(`https://${host}/`);
    const { schemes } = this.#options.memory;
    const found = schemes.get(this.transport.home) ?? this.#findScheme(host, signal);
    schemes.set(this.transport.home, found);
    try {
      return new URL(`${await found}//${host}/`);
    } catch (error) {
      schemes.delete(this.transport.home);
      // The one who asked first gave up, not we.
      const mayGoOn = !signal.aborted && !this.#options.memory.closing.aborted;
      if (mayGoOn && error instanceof Error && "code" in error && error.code === "cancelled") {
        return this.#base(signal);
      }
      throw error;
    }
  }

  /** https first, as docker does for registries that may speak http. */
  async #findScheme(host: string, signal: AbortSignal): Promise<"http:" | "https:"> {
    const hasty = AbortSignal.any([signal, AbortSignal.timeout(Math.min(schemePatience, this.patience.silence))]);
    const ping = async (scheme: string, pingSignal: AbortSignal): Promise<number> => {
      const answer = await this.transport.send({
        method: "GET",
        url: new URL(`${scheme}//${host}/v2/`),
        signal: pingSignal,
      });
      await answer.discard();
      return answer.status;
    };
    let failure: unknown;
    try {
      await ping("https:", hasty);
      return "https:";
    } catch (error) {
      if (signal.aborted) throw cancelled(error);
      failure = error;
    }
    // So a server answers that speaks https and did not like how we do.
    if ((await ping("http:", signal)) === 400) throw failure;
    return "http:";
  }
}
