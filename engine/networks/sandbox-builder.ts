import { EngineError } from "../errors.ts";
import type { EndpointSettings } from "../protocol/create-request.ts";
import { checkSettings } from "./endpoint-settings.ts";
import type { HostNetworks } from "./host-networks.ts";
import { type NetworkRecord, optionNames } from "./network-record.ts";
import type { SandboxRequest } from "./network-service.ts";
import { createID } from "./network-table.ts";
import type { PortPublisher } from "./port-publisher.ts";
import { createToken } from "./sandbox.ts";
import type { ReadySandbox } from "./sandbox-pool.ts";
import type { SandboxStock } from "./sandbox-stock.ts";
import type { EndpointRecord, SandboxRecord, SandboxTable } from "./sandbox-table.ts";

export type SandboxBuilderOptions = {
  readonly table: SandboxTable;
  readonly networks: HostNetworks;
  readonly stock: SandboxStock;
  readonly publisher: PortPublisher;
};

/** `ready`: endpoints whose links are there already. */
export type Built = { readonly record: SandboxRecord; readonly ready: ReadonlySet<string> };

type Wish = { readonly network: NetworkRecord; readonly settings: EndpointSettings };

/** Claims what a new sandbox needs: a netns, addresses, host ports. What fails leaves nothing claimed. */
export class SandboxBuilder {
  readonly #options: SandboxBuilderOptions;

  constructor(options: SandboxBuilderOptions) {
    this.#options = options;
  }

  build(request: SandboxRequest): Promise<Built> {
    return request.mode === "networks" ? this.#buildOnNetworks(request) : this.#buildPlain(request);
  }

  /** One more endpoint for a sandbox that has these; its addresses are leased. */
  async draft(
    present: readonly EndpointRecord[],
    network: NetworkRecord,
    settings: EndpointSettings,
  ): Promise<EndpointRecord> {
    const asked = checkSettings(network, settings);
    const addresses = await this.#options.stock.lease(network, asked);
    const prefix = network.options[optionNames.interfacePrefix] ?? "eth";
    const taken = new Set(present.map((endpoint) => endpoint.interface));
    const free = Array.from({ length: present.length + 1 }, (_, index) => `${prefix}${index}`);
    return {
      networkID: network.id,
      endpointID: createID(),
      position: 1 + Math.max(-1, ...present.map(({ position }) => position)),
      ...addresses,
      mac: settings.macAddress?.toLowerCase() || null,
      link: network.driver === "bridge" ? createToken() : null,
      interface: free.find((name) => !taken.has(name)) ?? `${prefix}${present.length}`,
      settings,
    };
  }

  async #buildOnNetworks(request: SandboxRequest): Promise<Built> {
    const wishes = this.#wishesOf(request);
    for (const { network, settings } of wishes) checkSettings(network, settings);
    const { stock, networks } = this.#options;
    await networks.ensureThere(wishes.map(({ network }) => network));
    const namespace = request.namespace ?? null;
    const isReady = namespace === null && isForStock(wishes[0]);
    const ready = isReady ? await stock.takeBridged() : await stock.takeIsolated(namespace);
    const endpoints: EndpointRecord[] = isReady ? [stock.endpointOf(ready)] : [];
    try {
      for (const wish of isReady ? wishes.slice(1) : wishes) {
        endpoints.push(await this.draft(endpoints, wish.network, wish.settings));
      }
      const planPorts = await this.#options.publisher.prepare(request.ports, endpoints);
      const record = { ...recordOf(request), token: ready.token, endpoints, ports: planPorts() };
      this.#options.table.insert(record);
      return { record, ready: new Set(isReady ? [endpoints[0]?.endpointID ?? ""] : []) };
    } catch (error) {
      this.#giveBack(ready, endpoints.slice(isReady ? 1 : 0));
      throw error;
    }
  }

  /** Each network once, the one of the default route first. */
  #wishesOf({ endpoints }: SandboxRequest): Wish[] {
    const wishes = new Map<string, Wish>();
    for (const { network: name, settings } of endpoints) {
      const network = this.#options.networks.get(name);
      if (!wishes.has(network.id)) wishes.set(network.id, { network, settings });
    }
    return [...wishes.values()];
  }

  async #buildPlain(request: SandboxRequest): Promise<Built> {
    const { stock, table } = this.#options;
    this.#checkJoined(request);
    const ready = request.mode === "none" ? await stock.takeIsolated(request.namespace ?? null) : null;
    const record = { ...recordOf(request), token: ready?.token ?? null, endpoints: [], ports: [] };
    try {
      table.insert(record);
      return { record, ready: new Set() };
    } catch (error) {
      if (ready !== null) this.#giveBack(ready, []);
      throw error;
    }
  }

  /** Without the other's there is no netns: never the host's in its place. */
  #checkJoined({ mode, containerName }: SandboxRequest): void {
    if (mode === "host" || mode === "none") return;
    const other = mode.startsWith("container:") ? this.#options.table.find(mode.slice("container:".length)) : null;
    const isThere = other !== null && !other.mode.startsWith("container:");
    if (isThere) return;
    const reason = other === null ? "it does not run" : "it shares a third one's itself";
    throw new EngineError(
      "failed-precondition",
      `network of ${containerName}: cannot join ${mode.slice(0, 22)}: ${reason}`,
      {
        hint: "start that container first, or join the one whose network it is",
        exitCode: 125,
      },
    );
  }

  #giveBack(ready: ReadySandbox, endpoints: readonly EndpointRecord[]): void {
    for (const endpoint of endpoints) this.#options.networks.release(endpoint.networkID, endpoint);
    this.#options.stock.discard(this.#options.stock.wasteOf(ready));
  }
}

/** Only what every container of the default bridge is like can be made ahead. */
function isForStock(wish: Wish | undefined): boolean {
  return wish?.network.name === "bridge" && !wish.settings.macAddress;
}

function recordOf(request: SandboxRequest) {
  const { container, containerName: name, hostname, mode, dns = [], isTransient = false } = request;
  return { container, name, hostname, mode, dns, ...(isTransient ? { isTransient } : {}) };
}
