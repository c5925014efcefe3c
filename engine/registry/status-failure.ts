import type { ErrorCode } from "../errors.ts";
import type { Answer } from "./answer.ts";
import { type Diagnosis, diagnose, RegistryFailure } from "./failures.ts";
import { parseRetryAfter } from "./retry.ts";

const diagnosisLimit = 64 * 1024;

export type AskedFor = {
  /** `manifest 1.0 of registry.example/team/web` */
  readonly what: string;
  readonly isAnonymous: boolean;
  /** Its name, as a login wants it. */
  readonly registry: string;
};

/** The command for it. */
export function loginHint(registry: string): string {
  return registry === "docker.io" ? "gantry login" : `gantry login ${registry}`;
}

/** What a status that nobody expected means. Reads what the registry says about it and lets the connection go. */
export async function statusFailure(
  answer: Answer,
  { what, isAnonymous, registry }: AskedFor,
): Promise<RegistryFailure> {
  const { status, who } = answer;
  const diagnosis = diagnose(await answer.head(diagnosisLimit));
  answer.destroy();
  const said = wordsOf(diagnosis);
  if (status === 404) return new RegistryFailure("not-found", `${what} not found${said}`, { status });
  if (status === 401 || status === 403) return accessFailure(answer, { what, isAnonymous, registry }, said);
  if (status === 429 || status === 408 || (status >= 500 && status !== 501 && status !== 505)) {
    const reason = status === 429 ? "is asked too often" : "fails";
    return new RegistryFailure("unavailable", `${what}: ${who} ${reason} (status ${status}${said})`, {
      isTransient: true,
      retryAfter: parseRetryAfter(answer.header("retry-after")),
      hint: status === 429 ? "wait, or log in for a higher limit" : "try again later",
      status,
    });
  }
  if (status < 400) {
    return new RegistryFailure("corrupt", `${what}: ${who} gives an answer that makes no sense (status ${status})`, {
      status,
    });
  }
  const code: ErrorCode = diagnosis.code === "DIGEST_INVALID" ? "corrupt" : "failed-precondition";
  return new RegistryFailure(code, `${what}: ${who} refuses it (status ${status}${said})`, { status });
}

function accessFailure(
  { status, who }: Answer,
  { what, isAnonymous, registry }: AskedFor,
  said: string,
): RegistryFailure {
  if (isAnonymous) {
    return new RegistryFailure("unauthenticated", `${what}: access denied by ${who}, or it does not exist${said}`, {
      hint: `log in if it needs an account: ${loginHint(registry)}`,
      status,
    });
  }
  if (status === 401) {
    return new RegistryFailure("unauthenticated", `${what}: ${who} refuses the credentials${said}`, {
      hint: `log in with an account that may do this: ${loginHint(registry)}`,
      status,
    });
  }
  return new RegistryFailure("permission-denied", `${what}: access denied by ${who}${said}`, {
    hint: `log in with an account that may do this: ${loginHint(registry)}`,
    status,
  });
}

function wordsOf({ code, words }: Diagnosis): string {
  const said = words === "" ? code.toLowerCase() : words;
  return said === "" ? "" : `: ${said}`;
}
