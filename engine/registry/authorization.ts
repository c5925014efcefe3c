import { createHmac, randomBytes } from "node:crypto";
import type { Credentials } from "../protocol/transfers.ts";
import { type Challenge, chooseChallenge, parseChallenges, parseScopes } from "./challenge.ts";
import { RegistryFailure } from "./failures.ts";
import { cancelled } from "./retry.ts";
import { basicOf, requestToken, type Token } from "./token-server.ts";
import type { Transport } from "./transport.ts";

const keptTokens = 500;

/** Tokens and challenges that several pieces of work share. Only in memory, under hashes of what they were got with. */
export class TokenCache {
  /** Of each registry's origin: what it last asked for. */
  readonly challenges = new Map<string, Challenge>();
  readonly #tokens = new Map<string, Promise<Token>>();
  readonly #secret = randomBytes(32);

  keyOf(parts: readonly unknown[]): string {
    return createHmac("sha256", this.#secret).update(JSON.stringify(parts)).digest("hex");
  }

  /** One request for all who want the same token at once; each may stop waiting by itself. */
  async get(key: string, fetch: () => Promise<Token>): Promise<{ token: Token; isFresh: boolean }> {
    const known = this.#tokens.get(key);
    if (known !== undefined) {
      const token = await known;
      if (token.goodUntil > performance.now()) return { token, isFresh: false };
      if (this.#tokens.get(key) === known) this.#tokens.delete(key);
    }
    const begun = this.#tokens.get(key);
    if (begun !== undefined) return { token: await begun, isFresh: true };
    const fetched = fetch();
    this.#keep(key, fetched);
    fetched.catch(() => this.#tokens.get(key) === fetched && this.#tokens.delete(key));
    return { token: await fetched, isFresh: true };
  }

  drop(key: string): void {
    this.#tokens.delete(key);
  }

  clear(): void {
    this.#tokens.clear();
    this.challenges.clear();
  }

  #keep(key: string, token: Promise<Token>): void {
    const oldest = this.#tokens.keys().next().value;
    if (this.#tokens.size >= keptTokens && oldest !== undefined) this.#tokens.delete(oldest);
    this.#tokens.set(key, token);
  }
}

export type AuthorizerOptions = {
  readonly transport: Transport;
  readonly cache: TokenCache;
  /** Of the registry, or of a mirror, which gets no credentials. */
  readonly origin: string;
  readonly credentials: Credentials | null;
  readonly scopes: readonly string[];
  /** Ends token requests when the client closes; those of one caller may serve others, so his own signal does not. */
  readonly closing: AbortSignal;
};

export type Authorization = { readonly header: string; readonly isFresh: boolean; readonly key: string };

/** What a piece of work shows to one registry. Learns from the registry's answers what that is. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  #scopes: readonly string[];
  #hasLearned = false;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#scopes = options.scopes;
  }

  /** Null: nothing was asked for so far. Fails as requestToken does, and with `unauthenticated`. */
  async authorize(signal: AbortSignal): Promise<Authorization | null> {
    const { credentials, cache, origin } = this.#options;
    if (credentials?.type === "registry-token") {
      return { header: `Bearer ${credentials.token}`, isFresh: true, key: "" };
    }
    const challenge = cache.challenges.get(origin);
    if (challenge === undefined) return null;
    try {
      return await this.#answer(challenge, signal);
    } catch (error) {
      if (cache.challenges.get(origin) === challenge) cache.challenges.delete(origin);
      // What the registry once asked for need not be what it asks for now, and here: it is heard again.
      const isLasting = error instanceof RegistryFailure && !error.isTransient;
      if (isLasting && !this.#hasLearned) return null;
      throw error;
    }
  }

  async #answer(challenge: Challenge, signal: AbortSignal): Promise<Authorization | null> {
    const { credentials, cache, origin } = this.#options;
    if (credentials?.type === "registry-token") return null;
    if (challenge.scheme === "basic") {
      return credentials?.type === "password" ? { header: basicOf(credentials), isFresh: true, key: "" } : null;
    }
    const { realm = "", service = "" } = challenge.parameters;
    const url = await this.realmOf(challenge);
    const scopes = [...this.#scopes].sort();
    const key = cache.keyOf([origin, realm, service, scopes, credentials]);
    const wanted = { realm: url, service, scopes, credentials };
    const fetched = cache.get(key, () => requestToken(this.#options.transport, wanted, this.#options.closing));
    const { token, isFresh } = await orAborted(fetched, signal);
    return { header: `Bearer ${token.value}`, isFresh, key };
  }

  /** Takes in what a 401 says. True: it is worth asking once more. */
  learn(header: string | undefined, used: Authorization | null): boolean {
    const { credentials, cache, origin } = this.#options;
    if (credentials?.type === "registry-token") return false;
    const challenge = chooseChallenge(parseChallenges(header));
    if (challenge === null) return false;
    cache.challenges.set(origin, challenge);
    this.#hasLearned = true;
    if (challenge.scheme === "basic")
      return credentials?.type === "password" && used?.header.startsWith("Basic ") !== true;
    const wanted = parseScopes(challenge.parameters.scope).filter((scope) => !this.#scopes.includes(scope));
    const isCovered = wanted.every((scope) => covers(this.#scopes, scope));
    if (!isCovered) this.#scopes = [...this.#scopes, ...wanted];
    if (used !== null) cache.drop(used.key);
    return used === null || !used.isFresh || !isCovered;
  }

  /** The password goes there: never in the clear, unless the registry itself is spoken to so. */
  async realmOf({ parameters }: Challenge): Promise<URL> {
    const { origin, transport } = this.#options;
    const realm = parameters.realm ?? "";
    const url = URL.canParse(realm) ? new URL(realm) : null;
    const who = transport.nameOf(new URL(origin));
    const isPlain = url?.protocol === "http:" && origin.startsWith("http:");
    // In the clear only to the same host as the registry, or one that may be spoken to so itself.
    const mayBePlain = isPlain && (url.hostname === new URL(origin).hostname || (await transport.isInsecure(url.host)));
    if (url === null || (url.protocol !== "https:" && !mayBePlain) || url.username !== "" || url.password !== "") {
      throw new RegistryFailure("unavailable", `${who} names no token server that may be trusted with a password`);
    }
    url.hash = "";
    return url;
  }
}

/** True where `scopes` allow what `wanted` asks for: `repository:a:pull,push` covers `repository:a:pull`. */
function covers(scopes: readonly string[], wanted: string): boolean {
  const split = (scope: string): [string, string[]] => {
    const colon = scope.lastIndexOf(":");
    return [scope.slice(0, colon), scope.slice(colon + 1).split(",")];
  };
  const [resource, actions] = split(wanted);
  return scopes
    .map(split)
    .some(([name, allowed]) => name === resource && actions.every((one) => allowed.includes(one)));
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(signal.reason));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
