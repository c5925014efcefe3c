import { EngineError } from "../errors.ts";
import type { Reference } from "../oci/reference.ts";
import type { Credentials, SearchResult } from "../protocol/transfers.ts";
import { TokenCache } from "./authorization.ts";
import { Connections } from "./connections.ts";
import { DistributionRepository } from "./distribution-repository.ts";
import { type ClientMemory, Endpoint } from "./endpoint.ts";
import type { Environment } from "./host-rules.ts";
import { type LoginResult, logIn } from "./login.ts";
import type { Access, RegistryClient, Repository } from "./registry-client.ts";
import { isHost } from "./registry-settings.ts";
import { type Patience, usualPatience } from "./retry.ts";
import { searchByAPI, searchCatalog, splitSearchTerm } from "./search.ts";
import { Transport } from "./transport.ts";

export type RegistryClientOptions = {
  /** Directory of the host's administrator: engine.json and certs.d. Read anew for each piece of work. */
  readonly settings: string;
  /** Variables of the engine's process: HTTP_PROXY and its kin, SSL_CERT_FILE. */
  readonly environment: Environment;
  readonly patience?: Partial<Patience>;
};

/** A mirror is a help: one that fails must not take long. */
const mirrorPatience = { tries: 2, connect: 5_000, silence: 15_000 };
const hub = "docker.io";
const hubSearch = "https://index.docker.io/v1/search";

export function openRegistryClient(options: RegistryClientOptions): RegistryClient {
  return new DistributionClient(options);
}

class DistributionClient implements RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #patience: Patience;
  readonly #connections: Connections;
  readonly #closing = new AbortController();
  readonly #memory: ClientMemory;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#patience = { ...usualPatience, ...options.patience };
    this.#connections = new Connections(options.environment);
    this.#memory = { tokens: new TokenCache(), schemes: new Map(), closing: this.#closing.signal };
  }

  repository(
    { registry, repository }: Reference,
    options: {
      readonly credentials: Credentials | null;
      readonly access: Access;
      readonly mountFrom?: readonly string[];
    },
  ): Repository {
    requireHost(registry, registry);
    const scopes = [
      `repository:${repository}:${options.access === "push" ? "pull,push" : "pull"}`,
      ...(options.mountFrom ?? []).map((from) => `repository:${from}:pull`),
    ];
    const own = this.#endpoint(registry, options.credentials, [...new Set(scopes)]);
    const endpoints = async (): Promise<readonly Endpoint[]> => {
      if (registry !== hub || options.access === "push") return [own];
      const { mirrors } = await own.transport.settings();
      return [...mirrors.map((mirror) => this.#mirror(mirror, scopes)), own];
    };
    return new DistributionRepository({ name: `${registry}/${repository}`, repository, endpoints });
  }

  async search(
    term: string,
    limit: number,
    credentials: Credentials | null,
    signal: AbortSignal,
  ): Promise<SearchResult[]> {
    const { registry, words } = splitSearchTerm(term);
    const wanted = { words, limit };
    const endpoint = this.#endpoint(parseRegistryName(registry), credentials, ["registry:catalog:*"]);
    if (registry === hub) return (await searchByAPI(endpoint, { ...wanted, url: new URL(hubSearch) }, signal)) ?? [];
    const url = await endpoint.urlOf("v1/search", signal);
    const found =
      (await searchByAPI(endpoint, { ...wanted, url }, signal)) ?? (await searchCatalog(endpoint, wanted, signal));
    // With the registry before it a name can be pulled as it stands there.
    return found.map((one) => ({ ...one, name: `${registry}/${one.name}` }));
  }

  async login(registry: string, credentials: Credentials, signal: AbortSignal): Promise<LoginResult> {
    return logIn(this.#endpoint(parseRegistryName(registry), null, []), credentials, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#connections[Symbol.dispose]();
    this.#memory.tokens.clear();
  }

  #endpoint(registry: string, credentials: Credentials | null, scopes: readonly string[]): Endpoint {
    return new Endpoint({
      transport: this.#transport(registry, this.#patience),
      memory: this.#memory,
      credentials,
      scopes,
      mirror: null,
    });
  }

  #mirror(mirror: string, scopes: readonly string[]): Endpoint {
    const { tries, connect, silence } = this.#patience;
    const patience = {
      ...this.#patience,
      tries: Math.min(tries, mirrorPatience.tries),
      connect: Math.min(connect, mirrorPatience.connect),
      silence: Math.min(silence, mirrorPatience.silence),
    };
    const transport = this.#transport(new URL(mirror).host, patience);
    return new Endpoint({ transport, memory: this.#memory, credentials: null, scopes, mirror });
  }

  #transport(home: string, patience: Patience): Transport {
    const { settings, environment } = this.#options;
    return new Transport({ connections: this.#connections, settings, environment, patience, home });
  }
}

/** What people and docker's own files call a registry: `https://index.docker.io/v1/`, `localhost:5000`. */
function parseRegistryName(text: string): string {
  const host = text.replace(/^https?:\/\//, "").split("/")[0] ?? "";
  if (host !== "") requireHost(host, text);
  return host === "" || host === "index.docker.io" || host === "registry-1.docker.io" ? hub : host;
}

function requireHost(host: string, text: string): void {
  if (isHost(host) && URL.canParse(`https://${host}`)) return;
  throw new EngineError("invalid-argument", `${JSON.stringify(text.slice(0, 80))} is no registry's address`, {
    hint: "write it as host or host:port, for example registry.example:5000",
  });
}
