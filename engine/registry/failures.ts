import * as z from "zod/mini";
import { EngineError, type EngineErrorOptions, type ErrorCode, messageOf } from "../errors.ts";
import { findJson } from "../lib/json.ts";
import { parseDocument } from "../oci/parse.ts";

export type FailureOptions = EngineErrorOptions & {
  /** Milliseconds the registry asked to wait. */
  readonly retryAfter?: number | null;
  /** Fewer tries than usual are enough. */
  readonly tries?: number | null;
  readonly isTransient?: boolean;
  /** HTTP status, null where there was none. */
  readonly status?: number | null;
};

/** A failure of a registry, with what is needed to decide whether to try again. */
export class RegistryFailure extends EngineError {
  readonly isTransient: boolean;
  readonly retryAfter: number | null;
  readonly tries: number | null;
  readonly status: number | null;

  constructor(code: ErrorCode, message: string, options: FailureOptions = {}) {
    super(code, message, options);
    this.isTransient = options.isTransient ?? false;
    this.retryAfter = options.retryAfter ?? null;
    this.tries = options.tries ?? null;
    this.status = options.status ?? null;
  }

  /** The same, for good. */
  gaveUp(tries: number): RegistryFailure {
    const { hint, status } = this;
    const more = tries > 1 ? `, ${tries} times in a row` : "";
    return new RegistryFailure(this.code, `${this.message}${more}`, { cause: this, hint, status });
  }

  /** The same where it is not worth so many tries, as a first contact. */
  withTries(tries: number): RegistryFailure {
    const { hint, status, isTransient, retryAfter, cause } = this;
    return new RegistryFailure(this.code, this.message, { cause, hint, status, isTransient, retryAfter, tries });
  }
}

/** Words of a registry, as they may be shown: one line without control characters, at most 300 characters. */
export function plainWords(text: string, limit = 300): string {
  const line = text
    .slice(0, limit * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}

const text = z.catch(z.string(), "");
const errorDocument = z.object({
  errors: z.optional(z.array(z.object({ code: text, message: text }))),
  details: z.optional(text),
  error: z.optional(text),
  error_description: z.optional(text),
});

export type Diagnosis = { readonly code: string; readonly words: string };

/**
 * What the body of a failed request says: `errors` of the distribution specification, or a token server's `details`, `error` and
 * `error_description` (RFC 6749). Empty for web pages and the like.
 */
export function diagnose(body: Buffer): Diagnosis {
  const parsed = z.safeParse(errorDocument, findJson(body.toString()));
  if (!parsed.success) return { code: "", words: "" };
  const { errors, details, error, error_description: description } = parsed.data;
  const first = errors?.[0];
  if (first !== undefined) return { code: plainWords(first.code, 40), words: plainWords(first.message) };
  return { code: "", words: plainWords(description || details || error || "") };
}

/** Reads a document of a registry. Fails with `corrupt`, without a word of what it holds. */
export function parseAnswer<T extends z.core.$ZodType>(schema: T, bytes: Buffer, what: string): z.infer<T> {
  const document = findJson(bytes.toString());
  if (document === undefined) throw new RegistryFailure("corrupt", `${what} is no json`);
  return parseDocument(schema, document, what);
}

/** Failures of the certificate of the other side (Node's tls, OpenSSL's X509_V_ERR_*). */
const certificateCodes = /CERT|SIGNATURE|SELF_SIGNED|ISSUER|ALTNAME|CRL_|INVALID_CA|PATH_LENGTH|HOSTNAME_MISMATCH/;
const lasting = new Set(["ENOTFOUND", "ERR_TLS_PSK_SET_IDENTITY_HINT_FAILED", "ERR_INVALID_CHAR"]);

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "it refuses the connection",
  ECONNRESET: "it cut the connection",
  EPIPE: "it cut the connection",
  ECONNABORTED: "it cut the connection",
  ETIMEDOUT: "it does not answer",
  EHOSTUNREACH: "there is no way to its host",
  ENETUNREACH: "there is no way to its network",
  ENOTFOUND: "there is no host of this name",
  EAI_AGAIN: "its name cannot be looked up now",
  ERR_PROXY_TUNNEL: "the proxy does not connect to it",
};

/** Makes the failure of a connection a sentence. `who`: `registry 10.0.0.1:5000`, or another server it sent us to. */
export function connectionFailure(who: string, host: string, cause: unknown): RegistryFailure {
  if (cause instanceof RegistryFailure) return cause;
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? "";
  if (code.startsWith("HPE_")) {
    return new RegistryFailure("corrupt", `${who} gives no proper http answer (${code})`, { cause });
  }
  if (certificateCodes.test(code) && code !== "EPROTO") {
    const reason = plainWords(messageOf(cause).split(";")[0] ?? "", 160);
    return new RegistryFailure("unavailable", `the certificate of ${who} is not trusted: ${reason}`, {
      cause,
      hint: `put its authority's certificate into /etc/gantry/certs.d/${host}/ca.crt`,
    });
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL")) return protocolFailure(who, host, cause);
  return new RegistryFailure(
    "unavailable",
    `${who} cannot be reached: ${reasons[code] ?? plainWords(messageOf(cause), 160)}`,
    {
      cause,
      isTransient: !lasting.has(code),
      hint: "check its address, the network and the proxy settings",
    },
  );
}

function protocolFailure(who: string, host: string, cause: unknown): RegistryFailure {
  const words = messageOf(cause);
  if (/wrong version number|packet length too long|unknown protocol/.test(words)) {
    return new RegistryFailure("unavailable", `${who} does not speak https`, {
      cause,
      hint: `if it may be trusted without, add "${host}" to insecure-registries in /etc/gantry/engine.json`,
    });
  }
  const alert = /alert ([a-z ]+)/.exec(words)?.[1] ?? /:([a-z0-9 ]+):\.\./.exec(words)?.[1] ?? "it failed";
  return new RegistryFailure("unavailable", `no encrypted connection to ${who}: ${plainWords(alert, 80)}`, {
    cause,
    hint: `if it wants a client's certificate, put it into /etc/gantry/certs.d/${host}/`,
  });
}
