import { EngineError } from "../errors.ts";
import type { ContainerNames } from "./container-names.ts";
import type { HostNetworks } from "./host-networks.ts";
import type { NetworkRecord } from "./network-record.ts";
import type { EndpointRequest } from "./network-service.ts";
import type { PortPublisher } from "./port-publisher.ts";
import type { SandboxBuilder } from "./sandbox-builder.ts";
import type { SandboxStock } from "./sandbox-stock.ts";
import type { EndpointRecord, SandboxRecord, SandboxTable } from "./sandbox-table.ts";
import { publishedPorts } from "./sandbox-views.ts";

export type HotEndpointsOptions = {
  readonly table: SandboxTable;
  readonly networks: HostNetworks;
  readonly stock: SandboxStock;
  readonly builder: SandboxBuilder;
  readonly publisher: PortPublisher;
  readonly names: ContainerNames;
  readonly report: (doing: string, error: unknown) => void;
};

export type Detaching = {
  readonly before: SandboxRecord;
  readonly after: SandboxRecord;
  readonly endpoint: EndpointRecord;
};

/** Endpoints that come and go while their container runs. */
export class HotEndpoints {
  readonly #options: HotEndpointsOptions;

  constructor(options: HotEndpointsOptions) {
    this.#options = options;
  }

  async attach(container: string, { network: name, settings }: EndpointRequest) {
    const { table, networks, builder } = this.#options;
    const network = networks.get(name);
    const before = this.#running(container);
    if (before.endpoints.some(({ networkID }) => networkID === network.id)) {
      throw new EngineError("already-exists", `container ${before.name} is on network ${network.name} already`);
    }
    await networks.ensureThere([network]);
    const endpoint = await builder.draft(before.endpoints, network, settings);
    let record: SandboxRecord;
    try {
      record = table.addEndpoint(container, endpoint);
    } catch (error) {
      networks.release(network.id, endpoint);
      throw error;
    }
    try {
      await this.#settle(before, record, () => this.#link(record, endpoint));
    } catch (error) {
      await this.detach(this.claimDetach(container, network), network, true).catch(() => {});
      throw EngineError.wrap(`connect container ${before.name} to network ${network.name}`, error);
    }
    return { record, endpoint, network };
  }

  /** On record it is gone with this. */
  claimDetach(container: string, network: NetworkRecord): Detaching {
    const { table } = this.#options;
    const before = table.find(container);
    const endpoint = before?.endpoints.find(({ networkID }) => networkID === network.id);
    if (before === null || endpoint === undefined) {
      const who = before?.name ?? container.slice(0, 12);
      throw new EngineError("failed-precondition", `container ${who} is not connected to network ${network.name}`);
    }
    return { before, after: table.removeEndpoint(container, network.id), endpoint };
  }

  /** What fails here is put right by the next reload or start. */
  async detach({ before, after, endpoint }: Detaching, network: NetworkRecord, force: boolean): Promise<void> {
    try {
      await this.#settle(before, after, () => this.#unlink(after, endpoint));
    } catch (error) {
      const reason = EngineError.wrap(`disconnect container ${before.name} from network ${network.name}`, error);
      if (!force) throw reason;
      this.#options.report(reason.message, error);
    }
  }

  /** Every step is tried; the first failure is thrown. */
  async #settle(before: SandboxRecord, after: SandboxRecord, link: () => Promise<void>): Promise<void> {
    const { names, publisher, networks } = this.#options;
    const ports = (record: SandboxRecord) => publishedPorts(record, networks.find);
    const results = await Promise.allSettled([
      link(),
      publisher.move(ports(before), ports(after)),
      names.introduce(after),
    ]);
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  #link(record: SandboxRecord, endpoint: EndpointRecord): Promise<void> {
    return this.#options.stock.link(record.token ?? "", [endpoint], record.endpoints);
  }

  /** The address is somebody else's again only when nothing answers to it any more. */
  async #unlink({ token, endpoints }: SandboxRecord, endpoint: EndpointRecord): Promise<void> {
    const { stock } = this.#options;
    if (token === null) return;
    try {
      await stock.sandboxes.runInside(token, [{ kind: "remove", link: endpoint.interface }]);
      await stock.sandboxes.runInside(token, stock.routesOf(endpoints));
    } finally {
      const links = endpoint.link === null ? [] : [endpoint.link];
      stock.discard({ token: null, links, addresses: [endpoint] });
    }
  }

  #running(container: string): SandboxRecord {
    const record = this.#options.table.find(container);
    if (record !== null && record.token !== null) return record;
    const reason = record === null ? "is not running" : `shares its network (${record.mode.slice(0, 22)})`;
    throw new EngineError("failed-precondition", `container ${record?.name ?? container.slice(0, 12)} ${reason}`);
  }
}
