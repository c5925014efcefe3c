import { Agent as PlainAgent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { createSecureContext } from "node:tls";
import { EngineError } from "../errors.ts";
import { fingerprintOf, type HostCertificates, readHostAuthorities } from "./host-certificates.ts";
import type { Environment } from "./host-rules.ts";

export type ConnectionNeeds = {
  readonly protocol: "http:" | "https:";
  readonly proxy: string | null;
  /** For https. */
  readonly certificates: HostCertificates;
  readonly isChecked: boolean;
};

const keptAgents = 32;
/** Milliseconds an idle connection is kept; below what common servers do, so that they seldom close it under a request. */
const idle = 30_000;

/** The connections of the client, kept alive between requests and apart by proxy and certificates. */
export class Connections implements Disposable {
  readonly #environment: Environment;
  readonly #agents = new Map<string, PlainAgent | SecureAgent>();
  #authorities: Promise<readonly string[]> | null = null;
  #isClosed = false;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Fails with `cancelled` once they are closed: who tries again after a cut is not to open new ones. */
  async agentFor(needs: ConnectionNeeds): Promise<PlainAgent | SecureAgent> {
    if (this.#isClosed) throw new EngineError("cancelled", "the work with the registry ended with the engine");
    const key = fingerprintOf(needs);
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    // Reading the authorities may let a second caller in: the first one's agent counts.
    const made = needs.protocol === "http:" ? new PlainAgent(baseOptions(needs)) : await this.#secureAgent(needs);
    if (this.#isClosed) return this.agentFor(needs);
    const meanwhile = this.#agents.get(key);
    if (meanwhile !== undefined) return meanwhile;
    this.#dropIdle();
    this.#agents.set(key, made);
    return made;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  async #secureAgent(needs: ConnectionNeeds): Promise<SecureAgent> {
    this.#authorities ??= readHostAuthorities(this.#environment);
    const { authorities, clients } = needs.certificates;
    // One context for all connections: reading some hundred authorities takes 5 ms.
    const secureContext = createSecureContext({
      ca: needs.isChecked ? [...(await this.#authorities), ...authorities] : [...authorities],
      cert: clients.map(({ certificate }) => certificate),
      key: clients.map(({ key }) => key),
      minVersion: "TLSv1.2",
    });
    return new SecureAgent({ ...baseOptions(needs), secureContext, rejectUnauthorized: needs.isChecked });
  }

  /** Each change of a certificate or a proxy leaves an agent behind. */
  #dropIdle(): void {
    for (const [key, agent] of this.#agents) {
      if (this.#agents.size < keptAgents) return;
      if (Object.keys(agent.sockets).length > 0) continue;
      agent.destroy();
      this.#agents.delete(key);
    }
  }
}

function baseOptions({ proxy }: ConnectionNeeds) {
  const proxyEnv = proxy === null ? {} : { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
  return { keepAlive: true, maxFreeSockets: 8, timeout: idle, proxyEnv };
}
