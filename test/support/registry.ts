import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { createInterface } from "node:readline";
import type { Descriptor } from "../../engine/oci/descriptor.ts";
import { sha256 } from "../../engine/oci/digest.ts";
import { type Authority, type Certificate, makeAuthority } from "./certificates.ts";
import { TokenServer } from "./registry-token-server.ts";
import { tempRoot } from "./temp-root.ts";

export type RegistryOptions = {
  /** `basic`: htpasswd; `token`: a token server of the test. Default: everybody may do everything. */
  readonly auth?: "none" | "basic" | "token";
  /** Passwords by name. Default: ann with `open sesame`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Seconds a token is good for; docker-registry adds a minute of its own. */
  readonly tokenLifetime?: number;
  /** With `token`: anonymous clients may pull. */
  readonly isPublic?: boolean;
  /** A certificate by an authority of the test, `authority.certificate`. */
  readonly tls?: boolean;
  /** More names that are in its certificate. */
  readonly names?: readonly string[];
  /** It answers only clients with a certificate of the authority. */
  readonly wantsClientCertificate?: boolean;
  /** On all addresses of the host, for tests of what is no loopback name. */
  readonly listensWidely?: boolean;
  /** Lets it be a mirror of another registry: a URL. */
  readonly mirrorOf?: string;
  /** `127.0.0.1:<port>`; default: a free port. */
  readonly address?: string;
  /** Storage of another test registry, shared. */
  readonly storage?: string;
};

export type ImageParts = {
  readonly layers: readonly { readonly mediaType: string; readonly bytes: Buffer }[];
  readonly config: Buffer;
};

export const testUsers: Readonly<Record<string, string>> = { ann: "open sesame" };

/** Starts Debian's docker-registry on a free loopback port with its storage in a directory of its own. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  await using undo = new AsyncDisposableStack();
  const directory = undo.use(await tempRoot());
  const storage = options.storage ?? directory.join("storage");
  mkdirSync(storage, { recursive: true });
  const authority = options.tls === true ? makeAuthority(directory.path) : null;
  const certificate =
    authority?.issue(
      "server",
      [hostname(), ...(options.names ?? [])].map((name) => `DNS:${name}`),
    ) ?? null;
  const tokens = options.auth === "token" ? await startTokens(undo, directory.path, options, certificate) : null;
  const configPath = directory.join("config.json");
  const registry = new TestRegistry({ options, storage, configPath, authority, certificate, tokens });
  undo.use(registry);
  await registry.start();
  registry.owns(undo.move());
  return registry;
}

async function startTokens(
  undo: AsyncDisposableStack,
  directory: string,
  options: RegistryOptions,
  certificate: Certificate | null,
): Promise<TokenServer> {
  const more = {
    ...(options.tokenLifetime === undefined ? {} : { lifetime: options.tokenLifetime }),
    ...(options.isPublic === undefined ? {} : { isPublic: options.isPublic }),
    ...(certificate === null ? {} : { tls: certificate }),
  };
  const tokens = undo.use(new TokenServer({ directory, users: options.users ?? testUsers, ...more }));
  await tokens.start();
  return tokens;
}

type Parts = {
  readonly options: RegistryOptions;
  readonly storage: string;
  readonly configPath: string;
  readonly authority: Authority | null;
  readonly certificate: Certificate | null;
  readonly tokens: TokenServer | null;
};

/** A docker-registry process. Disposing ends it and removes what it kept. */
export class TestRegistry implements AsyncDisposable {
  /** `127.0.0.1:<port>`: what stands before the first slash of an image's name. Stays the same over stop() and start(). */
  address = "127.0.0.1:0";
  readonly storage: string;
  readonly authority: Authority | null;
  readonly tokens: TokenServer | null;
  readonly #parts: Parts;
  #process: ChildProcess | null = null;
  #possessions: AsyncDisposableStack | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.address = parts.options.address ?? this.address;
    this.storage = parts.storage;
    this.authority = parts.authority;
    this.tokens = parts.tokens;
  }

  get url(): string {
    return `${this.authority === null ? "http" : "https"}://${this.address}`;
  }

  async start(): Promise<void> {
    writeFileSync(this.#parts.configPath, JSON.stringify(this.#config()));
    // It goes with its test, also where that is killed.
    const program = ["--pdeathsig", "KILL", "docker-registry", "serve", this.#parts.configPath];
    const child = spawn("setpriv", program, { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      const port = /listening on [^"]*:(\d+)/.exec(line)?.[1];
      lines.push(line);
      if (port === undefined) continue;
      this.address = `127.0.0.1:${port}`;
      child.stderr.resume();
      return;
    }
    throw new Error(`docker-registry did not start: ${lines.slice(-3).join("\n")}`);
  }

  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  owns(possessions: AsyncDisposableStack): void {
    this.#possessions = possessions;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    const possessions = this.#possessions;
    this.#possessions = null;
    await possessions?.[Symbol.asyncDispose]();
  }

  /** Puts an image there, whatever the registry's authentication is. Gives the manifest's descriptor. */
  async putImage(repository: string, tag: string, { layers, config }: ImageParts): Promise<Descriptor> {
    const isDocker = layers.every(({ mediaType }) => mediaType.startsWith("application/vnd.docker."));
    const kind = isDocker ? "application/vnd.docker" : "application/vnd.oci";
    const configType = isDocker ? `${kind}.container.image.v1+json` : `${kind}.image.config.v1+json`;
    const manifestType = isDocker ? `${kind}.distribution.manifest.v2+json` : `${kind}.image.manifest.v1+json`;
    const describe = (mediaType: string, bytes: Buffer) => ({ mediaType, size: bytes.length, digest: sha256(bytes) });
    const manifest = {
      schemaVersion: 2,
      mediaType: manifestType,
      config: describe(configType, config),
      layers: layers.map(({ mediaType, bytes }) => describe(mediaType, bytes)),
    };
    await this.putBlobs(repository, [config, ...layers.map(({ bytes }) => bytes)]);
    return this.putManifest(repository, tag, manifestType, Buffer.from(JSON.stringify(manifest)));
  }

  async putBlobs(repository: string, blobs: readonly Buffer[]): Promise<void> {
    await using plain = await this.#plainOne();
    for (const bytes of blobs) {
      const started = await fetch(`${plain.url}/v2/${repository}/blobs/uploads/`, { method: "POST" });
      const url = new URL(started.headers.get("location") ?? "");
      url.searchParams.set("digest", sha256(bytes));
      const done = await fetch(url, { method: "PUT", body: new Uint8Array(bytes) });
      if (done.status !== 201) throw new Error(`blob not taken: ${done.status} ${await done.text()}`);
    }
  }

  async putManifest(repository: string, tag: string, mediaType: string, bytes: Buffer): Promise<Descriptor> {
    await using plain = await this.#plainOne();
    const done = await fetch(`${plain.url}/v2/${repository}/manifests/${tag}`, {
      method: "PUT",
      headers: { "content-type": mediaType },
      body: new Uint8Array(bytes),
    });
    if (done.status !== 201) throw new Error(`manifest not taken: ${done.status} ${await done.text()}`);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  }

  /** What a registry without authentication on the same storage says a tag's manifest is; null where there is none. */
  async findManifest(repository: string, tag: string): Promise<Buffer | null> {
    await using plain = await this.#plainOne();
    const accept = [
      "docker.distribution.manifest.v2",
      "docker.distribution.manifest.list.v2",
      "oci.image.manifest.v1",
      "oci.image.index.v1",
    ];
    const headers = { accept: accept.map((type) => `application/vnd.${type}+json`).join(", ") };
    const answer = await fetch(`${plain.url}/v2/${repository}/manifests/${tag}`, { headers });
    return answer.ok ? Buffer.from(await answer.arrayBuffer()) : null;
  }

  /** Itself where everybody may do everything, else another process on the same storage. */
  async #plainOne(): Promise<{ readonly url: string } & AsyncDisposable> {
    const { options } = this.#parts;
    if (options.tls !== true && (options.auth ?? "none") === "none" && options.mirrorOf === undefined) {
      return { url: this.url, [Symbol.asyncDispose]: async () => {} };
    }
    return startRegistry({ storage: this.storage });
  }

  #config(): object {
    const { options, certificate, authority } = this.#parts;
    const clients = options.wantsClientCertificate === true && authority !== null ? [authority.certificate] : [];
    const tls =
      certificate === null ? {} : { tls: { ...certificate, ...(clients.length > 0 ? { clientcas: clients } : {}) } };
    return {
      version: "0.1",
      log: { level: "info", accesslog: { disabled: true } },
      storage: {
        filesystem: { rootdirectory: this.storage },
        delete: { enabled: true },
        maintenance: { uploadpurging: { enabled: false } },
      },
      http: {
        addr: options.listensWidely === true ? this.address.replace(/^[^:]*/, "") : this.address,
        secret: "a test's own",
        ...tls,
      },
      ...(options.mirrorOf === undefined ? {} : { proxy: { remoteurl: options.mirrorOf } }),
      ...this.#authConfig(),
    };
  }

  #authConfig(): object {
    const { options, configPath, tokens } = this.#parts;
    if (tokens !== null) {
      const { realm, service, issuer, certificate } = tokens;
      return { auth: { token: { realm, service, issuer, rootcertbundle: certificate } } };
    }
    if (options.auth !== "basic") return {};
    const path = `${configPath}.htpasswd`;
    const lines = Object.entries(options.users ?? testUsers).map(([name, password]) =>
      execFileSync("htpasswd", ["-niBC", "4", name], { input: password, encoding: "utf8", stdio: "pipe" }).trim(),
    );
    writeFileSync(path, `${lines.join("\n")}\n`);
    return { auth: { htpasswd: { realm: "a test's registry", path } } };
  }
}
