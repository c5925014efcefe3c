import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, createSign, randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Certificate } from "./certificates.ts";

export type TokenServerOptions = {
  readonly directory: string;
  /** Passwords by name; an empty object: everybody may do everything. */
  readonly users: Readonly<Record<string, string>>;
  /** Seconds a token is good for. */
  readonly lifetime?: number;
  /** Gives anonymous askers the right to pull. */
  readonly isPublic?: boolean;
  readonly tls?: Certificate;
};

/** A request for a token as it came in. */
export type TokenRequest = {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly grant: string;
  readonly user: string;
};

/**
 * A token server as docker-registry's `auth: token` wants one (distribution, docs/spec/auth/jwt.md and oauth.md): GET with basic
 * credentials, POST with `grant_type` password or refresh_token, identity tokens where asked for.
 */
export class TokenServer implements AsyncDisposable {
  readonly issuer = "a test's token server";
  readonly service = "a test's registry";
  readonly certificate: string;
  readonly requests: TokenRequest[] = [];
  /** Seconds; may be changed while it runs. */
  lifetime: number;
  /** False: it knows only POST. */
  takesGets = true;
  readonly #key: string;
  readonly #server: Server;
  readonly #options: TokenServerOptions;
  readonly #refreshTokens = new Map<string, string>();

  constructor(options: TokenServerOptions) {
    this.#options = options;
    this.lifetime = options.lifetime ?? 300;
    this.certificate = join(options.directory, "token.crt");
    identity ??= makeIdentity(options.directory);
    writeFileSync(this.certificate, identity.certificate);
    this.#key = identity.key;
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch(() => response.destroy());
    };
    const { tls } = options;
    this.#server =
      tls === undefined
        ? createServer(handle)
        : createSecureServer({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) }, handle);
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get realm(): string {
    const scheme = this.#options.tls === undefined ? "http" : "https";
    return `${scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}/token`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.realm);
    const isPost = request.method === "POST";
    const body = await text(request);
    if (!isPost && !this.takesGets) return reply(response, 404, { details: "no GET here" });
    const fields = isPost ? new URLSearchParams(body) : url.searchParams;
    const scopes = fields.getAll("scope").flatMap((scope) => scope.split(" ").filter((part) => part !== ""));
    const user = isPost ? this.#userOfPost(fields) : this.#userOfGet(request);
    this.requests.push({
      method: request.method ?? "",
      scopes,
      grant: fields.get("grant_type") ?? "",
      user: user ?? "",
    });
    if (user === null) return reply(response, 401, { details: "incorrect username or password" });
    const token = this.sign(user, scopes);
    const refresh = this.#refreshTokenFor(user, fields);
    const more = refresh === null ? {} : { refresh_token: refresh };
    reply(response, 200, { [isPost ? "access_token" : "token"]: token, expires_in: this.lifetime, ...more });
  }

  /** Null: refused. Empty: nobody in particular. */
  #userOfGet(request: IncomingMessage): string | null {
    const { authorization } = request.headers;
    if (authorization === undefined) return "";
    const [name = "", ...rest] = Buffer.from(authorization.replace(/^Basic /, ""), "base64")
      .toString()
      .split(":");
    return this.#options.users[name] === rest.join(":") ? name : null;
  }

  #userOfPost(fields: URLSearchParams): string | null {
    if (fields.get("grant_type") === "refresh_token") {
      return this.#refreshTokens.get(fields.get("refresh_token") ?? "") ?? null;
    }
    const name = fields.get("username") ?? "";
    return this.#options.users[name] === fields.get("password") ? name : null;
  }

  #refreshTokenFor(user: string, fields: URLSearchParams): string | null {
    const isWanted = fields.get("offline_token") === "true" || fields.get("access_type") === "offline";
    if (!isWanted || user === "") return null;
    const token = randomUUID();
    this.#refreshTokens.set(token, user);
    return token;
  }

  /** A token with which `user` may do what `scopes` say. */
  sign(user: string, scopes: readonly string[]): string {
    const now = Math.floor(Date.now() / 1_000);
    const access = scopes.flatMap((scope) => {
      const [, type = "", name = "", actions = ""] = /^([^:]*):(.*):([^:]*)$/.exec(scope) ?? [];
      const allowed = actions.split(",").filter((action) => this.#mayDo(user, action));
      return type === "" || allowed.length === 0 ? [] : [{ type, name, actions: allowed }];
    });
    const claims = {
      iss: this.issuer,
      sub: user,
      aud: this.service,
      iat: now,
      nbf: now - 5,
      jti: randomUUID(),
      access,
    };
    const header = { typ: "JWT", alg: "RS256", kid: keyIDOf(this.#key) };
    const body = [header, { ...claims, exp: now + this.lifetime }].map((part) => base64url(JSON.stringify(part)));
    const signature = createSign("RSA-SHA256").update(body.join(".")).sign(this.#key);
    return [...body, base64url(signature)].join(".");
  }

  #mayDo(user: string, action: string): boolean {
    return (
      user !== "" ||
      Object.keys(this.#options.users).length === 0 ||
      (this.#options.isPublic === true && action === "pull")
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

type Identity = { readonly certificate: string; readonly key: string };

/** Making an RSA key takes half a second on a busy machine: one for all servers of a test file. */
let identity: Identity | null = null;

function makeIdentity(directory: string): Identity {
  const paths = { certificate: join(directory, "identity.crt"), key: join(directory, "identity.key") };
  const subject = ["-subj", "/CN=token", "-days", "2", "-newkey", "rsa:2048", "-nodes", "-keyout", paths.key];
  execFileSync("openssl", ["req", "-x509", ...subject, "-out", paths.certificate], { stdio: "ignore" });
  return { certificate: readFileSync(paths.certificate, "utf8"), key: readFileSync(paths.key, "utf8") };
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function base64url(bytes: string | Buffer): string {
  return Buffer.from(bytes).toString("base64url");
}

/** libtrust's fingerprint: the first 240 bits of the key's SHA-256 in base32, in groups of four. */
function keyIDOf(privateKey: string): string {
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const hash = createHash("sha256").update(spki).digest().subarray(0, 30);
  const bits = [...hash].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = (bits.match(/.{5}/g) ?? []).map(
    (five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(five, 2)],
  );
  return (letters.join("").match(/.{4}/g) ?? []).join(":");
}
