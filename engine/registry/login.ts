import { EngineError } from "../errors.ts";
import type { Credentials } from "../protocol/transfers.ts";
import { type Challenge, chooseChallenge, parseChallenges } from "./challenge.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryFailure } from "./failures.ts";
import { withRetries } from "./retry.ts";
import { statusFailure } from "./status-failure.ts";
import { basicOf, requestToken } from "./token-server.ts";

export type LoginResult = { readonly status: string; readonly identityToken: string | null };

/**
 * Asks the registry whether it takes the credentials, without any token got before. `anonymous`: the registry's API without
 * credentials, to see what it wants.
 */
export async function logIn(anonymous: Endpoint, credentials: Credentials, signal: AbortSignal): Promise<LoginResult> {
  const what = "login";
  return withRetries(anonymous.patience, signal, async () => {
    const first = await anonymous.ask({ method: "GET", at: "", expected: [200, 401], isBare: true, what, signal });
    await first.discard();
    const origin = await anonymous.urlOf("", signal);
    if (first.url.origin !== origin.origin) {
      throw new RegistryFailure("corrupt", `${anonymous.name} sends everybody to ${first.url.host}`, {
        hint: "log in there, if you trust it",
      });
    }
    const challenge = first.status === 200 ? null : chooseChallenge(parseChallenges(first.header("www-authenticate")));
    if (first.status === 401 && challenge === null) {
      throw new RegistryFailure("unavailable", `${anonymous.name} does not say how it wants to be logged in to`);
    }
    const { authorization, identityToken } = await show(anonymous, { challenge, origin }, credentials, signal);
    const answer = await anonymous.transport.send({
      method: "GET",
      url: first.url,
      headers: { authorization },
      signal,
    });
    if (answer.status !== 200)
      throw await statusFailure(answer, { what, isAnonymous: false, registry: anonymous.transport.home });
    await answer.discard();
    return { status: "Login Succeeded", identityToken };
  });
}

async function show(
  endpoint: Endpoint,
  { challenge, origin }: { readonly challenge: Challenge | null; readonly origin: URL },
  credentials: Credentials,
  signal: AbortSignal,
): Promise<{ authorization: string; identityToken: string | null }> {
  if (credentials.type === "registry-token")
    return { authorization: `Bearer ${credentials.token}`, identityToken: null };
  if (challenge?.scheme === "bearer") {
    const realm = await endpoint.realmOf(challenge, origin);
    const service = challenge.parameters.service ?? "";
    const wanted = { realm, service, scopes: [], credentials, wantsIdentity: true };
    const token = await requestToken(endpoint.transport, wanted, signal);
    return { authorization: `Bearer ${token.value}`, identityToken: token.identityToken };
  }
  if (credentials.type === "password") return { authorization: basicOf(credentials), identityToken: null };
  throw new EngineError("unauthenticated", `${endpoint.name} takes no identity token`, {
    hint: "log in with user name and password",
  });
}
