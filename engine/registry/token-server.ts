import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { findJson } from "../lib/json.ts";
import type { Credentials } from "../protocol/transfers.ts";
import type { Answer } from "./answer.ts";
import { diagnose, RegistryFailure } from "./failures.ts";
import { parseRetryAfter, withRetries } from "./retry.ts";
import { loginHint } from "./status-failure.ts";
import type { RequestBody, Transport } from "./transport.ts";

export type TokenRequest = {
  readonly realm: URL;
  readonly service: string;
  readonly scopes: readonly string[];
  readonly credentials: Exclude<Credentials, { type: "registry-token" }> | null;
  /** Asks for an identity token, which stands for the password from then on. */
  readonly wantsIdentity?: boolean;
};

export type Token = {
  readonly value: string;
  /** Milliseconds on performance.now()'s clock. */
  readonly goodUntil: number;
  readonly identityToken: string | null;
};

const clientID = "gantry";
const answerLimit = 1024 * 1024;
/** Seconds, where the server says nothing (distribution, docs/spec/auth/token.md). */
const usualLifetime = 60;
const longestLifetime = 24 * 3_600;

const tokenDocument = z.object({
  token: z.optional(z.nullable(z.string())),
  access_token: z.optional(z.nullable(z.string())),
  expires_in: z.optional(z.nullable(z.number())),
  refresh_token: z.optional(z.nullable(z.string())),
});

/**
 * Asks a registry's token server: GET with the password as docker does, POST for identity tokens and where GET is not known
 * (distribution, docs/spec/auth/token.md and oauth.md). Fails with `unauthenticated`, `unavailable`, `corrupt`, `cancelled`.
 */
export async function requestToken(transport: Transport, wanted: TokenRequest, signal: AbortSignal): Promise<Token> {
  const from = performance.now();
  const { credentials } = wanted;
  const bytes = await withRetries(transport.patience, signal, async () => {
    const isPost = credentials?.type === "identity-token";
    const first = isPost ? await post(transport, wanted, signal) : await get(transport, wanted, signal);
    const isUnknown = !isPost && credentials !== null && (first.status === 404 || first.status === 405);
    if (isUnknown) await first.discard();
    const answer = isUnknown ? await post(transport, wanted, signal) : first;
    if (answer.status !== 200) throw await refusal(answer, wanted, transport.home);
    return answer.bytes(answerLimit, `the answer of token server ${wanted.realm.host}`);
  });
  return readToken(bytes, wanted, from);
}

function get(transport: Transport, wanted: TokenRequest, signal: AbortSignal): Promise<Answer> {
  const url = new URL(wanted.realm);
  const { credentials } = wanted;
  url.searchParams.set("service", wanted.service);
  for (const scope of wanted.scopes) url.searchParams.append("scope", scope);
  url.searchParams.set("client_id", clientID);
  if (wanted.wantsIdentity === true) url.searchParams.set("offline_token", "true");
  if (credentials?.type !== "password") return transport.follow({ method: "GET", url, signal });
  url.searchParams.set("account", credentials.username);
  // Not followed anywhere: the password is for this server.
  return transport.send({ method: "GET", url, signal, headers: { authorization: basicOf(credentials) } });
}

function post(transport: Transport, wanted: TokenRequest, signal: AbortSignal): Promise<Answer> {
  const { credentials, scopes } = wanted;
  const fields = new URLSearchParams({ service: wanted.service, client_id: clientID });
  if (scopes.length > 0) fields.set("scope", scopes.join(" "));
  if (wanted.wantsIdentity === true) fields.set("access_type", "offline");
  if (credentials?.type === "identity-token") {
    fields.set("grant_type", "refresh_token");
    fields.set("refresh_token", credentials.token);
  } else if (credentials !== null) {
    fields.set("grant_type", "password");
    fields.set("username", credentials.username);
    fields.set("password", credentials.password);
  }
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return transport.send({ method: "POST", url: wanted.realm, signal, headers, body: bodyOf(fields.toString()) });
}

export function basicOf({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

export function bodyOf(content: string | Uint8Array): RequestBody {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return {
    size: bytes.length,
    open: async function* () {
      yield bytes;
    },
  };
}

async function refusal(answer: Answer, { realm, credentials }: TokenRequest, home: string): Promise<EngineError> {
  const { words } = diagnose(await answer.head(64 * 1024));
  answer.destroy();
  const { status } = answer;
  const reason = words === "" ? `status ${status}` : `${words} (status ${status})`;
  const who = `token server ${realm.host}`;
  if (status === 429 || (status >= 500 && status !== 501)) {
    const retryAfter = parseRetryAfter(answer.header("retry-after"));
    return new RegistryFailure("unavailable", `${who} fails: ${reason}`, { isTransient: true, retryAfter, status });
  }
  if (credentials !== null && [400, 401, 403].includes(status)) {
    return new RegistryFailure("unauthenticated", `${who} refuses the credentials: ${reason}`, {
      status,
      hint: `log in with the right user name and password or token: ${loginHint(home)}`,
    });
  }
  const code = status === 401 || status === 403 ? "unauthenticated" : "unavailable";
  return new RegistryFailure(code, `${who} gives no token: ${reason}`, {
    status,
    hint: `log in to the registry: ${loginHint(home)}`,
  });
}

function readToken(bytes: Buffer, { realm }: TokenRequest, from: number): Token {
  const parsed = z.safeParse(tokenDocument, findJson(bytes.toString()));
  const value = parsed.data?.token || parsed.data?.access_token || "";
  // It becomes a header.
  if (!parsed.success || !/^[\x21-\x7e]+$/.test(value)) {
    throw new EngineError("corrupt", `token server ${realm.host} answered with something that is no token`);
  }
  const said = parsed.data.expires_in ?? usualLifetime;
  const lifetime = Math.min(said > 0 ? said : usualLifetime, longestLifetime) * 1_000;
  // Renewed a little before its end, so that no request is under way with one that just ends.
  const goodUntil = from + lifetime - Math.min(10_000, lifetime / 4);
  return { value, goodUntil, identityToken: parsed.data.refresh_token || null };
}
