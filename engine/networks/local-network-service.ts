import type { EngineConfig } from "../config.ts";
import type { Database } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import type { EventBus } from "../events/event-bus.ts";
import { Listeners } from "../lib/listeners.ts";
import { settleAll } from "../lib/settle.ts";
import { Throttle } from "../lib/throttle.ts";
import type { CreateNetworkRequest, NetworkSummary } from "../protocol/networks.ts";
import type { FsckFinding } from "../protocol/upkeep.ts";
import { checkNetworks } from "./check-networks.ts";
import { ContainerNames } from "./container-names.ts";
import { checkSettings } from "./endpoint-settings.ts";
import { HostNetworks } from "./host-networks.ts";
import { HotEndpoints } from "./hot-endpoints.ts";
import type { NetworkRecord } from "./network-record.ts";
import type {
  Endpoint,
  EndpointRequest,
  Network,
  NetworkService,
  PruneFilter,
  Reservation,
  Sandbox,
  SandboxRequest,
} from "./network-service.ts";
import { describeConflict, PortConflict } from "./port-plan.ts";
import { PortPublisher } from "./port-publisher.ts";
import { choosePrunable } from "./prune-networks.ts";
import { removeHostNetwork } from "./remove-network.ts";
import { type RepairOptions, repairLinks, repairSandboxes } from "./repair-links.ts";
import { SandboxBuilder } from "./sandbox-builder.ts";
import type { Waste } from "./sandbox-disposal.ts";
import { SandboxStock } from "./sandbox-stock.ts";
import { type SandboxRecord, SandboxTable } from "./sandbox-table.ts";
import { endpointOf, inspectNetwork, membersOf, publishedPorts, sandboxOf, summarizeNetwork } from "./sandbox-views.ts";

export type NetworkServiceOptions = {
  readonly config: EngineConfig;
  readonly database: Database;
  readonly events?: EventBus;
  /** Told of what fails in the background: filling the pool, taking namespaces away, putting rules back. */
  readonly onBackgroundFailure?: (doing: string, error: unknown) => void;
  /** Ready namespaces on the bridge; default 4. */
  readonly poolSize?: number;
  /** Milliseconds between looks whether our rules are still in force; default 10,000, 0 for never. */
  readonly guardInterval?: number;
};

/** Milliseconds between two tellings that something changed. */
const changeInterval = 100;

/** Opens the networks of one engine: bridges and rules are in force, with the ports on record, when it answers. */
export function openNetworkService(options: NetworkServiceOptions): Promise<NetworkService> {
  return LocalNetworkService.open(options);
}

/** See NetworkService. Decisions: README.md beside this file. */
class LocalNetworkService implements NetworkService {
  readonly #options: NetworkServiceOptions;
  readonly #config: EngineConfig;
  readonly #table: SandboxTable;
  readonly #networks: HostNetworks;
  readonly #stock: SandboxStock;
  readonly #builder: SandboxBuilder;
  readonly #publisher: PortPublisher;
  readonly #names: ContainerNames;
  readonly #hot: HotEndpoints;
  readonly #listeners = new Listeners<void>();
  readonly #changed = new Throttle(changeInterval, () => this.#listeners.emit());
  readonly #background = new Set<Promise<void>>();
  readonly #guard: NodeJS.Timeout | null;

  private constructor(options: NetworkServiceOptions) {
    this.#options = options;
    this.#config = options.config;
    const { config, database } = options;
    const report = (doing: string, error: unknown) => options.onBackgroundFailure?.(doing, error);
    this.#table = new SandboxTable(database);
    const ports = () => this.#table.list().flatMap((record) => publishedPorts(record, this.#networks.find));
    this.#networks = new HostNetworks({
      config,
      database,
      publishedPorts: ports,
      report,
      onMended: () => repairSandboxes(this.#repairs()),
    });
    this.#stock = new SandboxStock({ config, networks: this.#networks, report, poolSize: options.poolSize ?? 4 });
    const [networks, stock, table] = [this.#networks, this.#stock, this.#table];
    this.#publisher = new PortPublisher({ config, networks, table });
    this.#builder = new SandboxBuilder({ table, networks, stock, publisher: this.#publisher });
    this.#names = new ContainerNames({ config, networks, stock, table, report });
    const [builder, publisher, names] = [this.#builder, this.#publisher, this.#names];
    this.#hot = new HotEndpoints({ table, networks, stock, builder, publisher, names, report });
    const interval = options.guardInterval ?? 10_000;
    const look = () => void this.#inBackground("look after the firewall rules", this.#lookAfterRules());
    this.#guard = interval === 0 ? null : setInterval(look, interval).unref();
  }

  static async open(options: NetworkServiceOptions): Promise<LocalNetworkService> {
    const service = new LocalNetworkService(options);
    await settleAll([service.#networks.open(), service.#stock.sandboxes.open()]);
    for (const { token, endpoints } of service.#table.list()) {
      for (const known of [token, ...endpoints.map(({ link }) => link)]) {
        if (known !== null) service.#stock.sandboxes.adopt(known);
      }
      for (const endpoint of endpoints) service.#networks.hold(endpoint.networkID, endpoint);
    }
    await service.#networks.enforceRules();
    return service;
  }

  async reserve(request: SandboxRequest): Promise<Reservation> {
    // A record that a failed start left behind must not keep the container from its next one.
    if (this.#table.find(request.container) !== null) await this.release(request.container);
    try {
      const { record, ready } = await this.#builder.build(request);
      this.#tell(record, "connect");
      return { sandbox: this.#toSandbox(record), establish: this.#establish(record, ready) };
    } catch (error) {
      throw error instanceof PortConflict ? await describeConflict(error, request.containerName) : error;
    }
  }

  find(container: string): Sandbox | null {
    const record = this.#table.find(container);
    return record === null ? null : this.#toSandbox(record);
  }

  async release(container: string): Promise<void> {
    const record = this.#table.find(container);
    if (record === null) return;
    const ports = publishedPorts(record, this.#networks.find);
    this.#table.remove([container]);
    this.#tell(record, "disconnect");
    // Its sockets hold the netns.
    void this.#inBackground("take a container's names away", this.#names.forget(container));
    if (record.token !== null) this.#stock.discard(wasteOf(record));
    await this.#publisher.withdraw(ports);
  }

  async attach(container: string, request: EndpointRequest): Promise<Endpoint> {
    const { record, endpoint, network } = await this.#hot.attach(container, request);
    this.#tellOne(record, network, "connect");
    return endpointOf(this.#config, network, { record, endpoint });
  }

  async detach(container: string, name: string, { force }: { readonly force: boolean }): Promise<void> {
    const network = this.#networks.get(name);
    const record = this.#hot.claimDetach(container, network);
    this.#tellOne(record.after, network, "disconnect");
    await this.#hot.detach(record, network, force);
  }

  rename(container: string, name: string): void {
    if (this.#table.find(container) === null) return;
    const record = this.#table.rename(container, name);
    this.#changed.ask();
    void this.#inBackground("tell the resolver a new name", this.#names.introduce(record));
  }

  list(): readonly NetworkSummary[] {
    const records = this.#table.listLasting();
    return this.#networks
      .list()
      .map((network) => summarizeNetwork(network, records, { config: this.#config, mtu: this.#networks.mtu }));
  }

  get(network: string): Network {
    return this.#networks.get(network);
  }

  check({ network, settings }: EndpointRequest): void {
    checkSettings(this.#networks.get(network), settings);
  }

  async create(request: CreateNetworkRequest): Promise<{ id: string; warnings: string[] }> {
    const { record, warnings } = await this.#networks.create(request);
    this.#publishEvent(record, "create");
    // The first container that needs names must not wait for it.
    this.#stock.fill();
    this.#names.warm();
    return { id: record.id, warnings };
  }

  async remove(network: string): Promise<{ id: string }> {
    const record = await this.#networks.remove(network, (one) => this.#refuseUsed(one));
    this.#publishEvent(record, "destroy");
    return { id: record.id };
  }

  async prune(filter: PruneFilter): Promise<{ id: string; name: string }[]> {
    const records = this.#table.list();
    const chosen = choosePrunable(this.#networks.list(), filter, (one) => membersOf(one, records).length > 0);
    const removed: { id: string; name: string }[] = [];
    for (const { id, name } of chosen) {
      try {
        if (!filter.dryRun) await this.remove(id);
        removed.push({ id, name });
      } catch {
        // Somebody uses it by now, or removed it himself.
      }
    }
    return removed;
  }

  inspect(network: string): Record<string, unknown> {
    return inspectNetwork(this.#networks.get(network), this.#table.listLasting());
  }

  async restore(containers: readonly string[]): Promise<void> {
    const alive = new Set(containers);
    const stale = this.#table.list().filter(({ container }) => !alive.has(container));
    this.#table.remove(stale.map(({ container }) => container));
    await this.#names.introduceAll().catch((error) => this.#report("tell the resolver all names", error));
    await this.#stock.discardNow(stale.map(wasteOf));
    await this.#stock.settled();
    await repairLinks(this.#repairs());
    await this.#networks.enforceRules();
    await this.#names.openDoors();
    this.#stock.fill();
    this.#changed.ask();
  }

  async reload(): Promise<void> {
    await this.#networks.reload();
    await this.restore(this.#table.list().map(({ container }) => container));
  }

  fsck(repair: boolean): Promise<FsckFinding[]> {
    const [config, networks, stock, table] = [this.#config, this.#networks, this.#stock, this.#table];
    return checkNetworks({ config, networks, stock, table }, repair ? () => this.reload() : null);
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  async removeAll(): Promise<void> {
    await this.#close();
    this.#table.remove(this.#table.list().map(({ container }) => container));
    await removeHostNetwork(this.#config);
  }

  /** Containers keep their network; only what is in stock goes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  /** Begins with what takes long, names and what was not in stock; with ports when the caller has nothing to do that is more urgent. */
  #establish(record: SandboxRecord, ready: ReadonlySet<string>): () => Promise<void> {
    const missing = record.endpoints.filter(({ endpointID }) => !ready.has(endpointID));
    const linked = settleAll([
      missing.length === 0 ? Promise.resolve() : this.#stock.link(record.token ?? "", missing, record.endpoints),
      this.#names.introduce(record),
    ]);
    let established: Promise<unknown> | null = null;
    const establish = () => {
      established ??= settleAll([linked, this.#publisher.publish(publishedPorts(record, this.#networks.find))]);
      return established;
    };
    // Told when it is waited for.
    linked.catch(() => undefined);
    return async () => void (await establish());
  }

  #repairs(): RepairOptions {
    const [config, networks, stock, table] = [this.#config, this.#networks, this.#stock, this.#table];
    return { config, networks, stock, table, report: (doing, error) => this.#report(doing, error) };
  }

  #refuseUsed(network: NetworkRecord): void {
    const [member] = membersOf(network, this.#table.list());
    if (member === undefined) return;
    const { name, container } = member.record;
    throw new EngineError(
      "failed-precondition",
      `network ${network.name} has active endpoints (name:${JSON.stringify(name)} id:"${container.slice(0, 12)}")`,
      { hint: `disconnect it first with: gantry network disconnect ${network.name} ${name}`, exitCode: 1 },
    );
  }

  #tell(record: SandboxRecord, action: "connect" | "disconnect"): void {
    if (record.isTransient === true) return;
    for (const { networkID } of record.endpoints) {
      const network = this.#networks.find(networkID);
      if (network !== null) this.#tellOne(record, network, action);
    }
    this.#changed.ask();
  }

  #tellOne(record: SandboxRecord, network: NetworkRecord, action: "connect" | "disconnect"): void {
    this.#publishEvent(network, action, { container: record.container });
  }

  /** docker's attributes. */
  #publishEvent(network: NetworkRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { ...more, name: network.name, type: network.driver };
    this.#options.events?.publish({ type: "network", action, id: network.id, attributes });
    this.#changed.ask();
  }

  async #lookAfterRules(): Promise<void> {
    if (await this.#networks.watchRules()) await this.reload();
  }

  async #close(): Promise<void> {
    if (this.#guard !== null) clearInterval(this.#guard);
    this.#changed[Symbol.dispose]();
    await this.#stock.close();
    await Promise.all(this.#background);
    await this.#networks.rules.idle();
    await this.#names.close();
  }

  #inBackground(doing: string, work: Promise<void>): Promise<void> {
    const tracked = work.catch((error) => this.#report(doing, error)).finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
    return tracked;
  }

  #report(doing: string, error: unknown): void {
    this.#options.onBackgroundFailure?.(doing, error);
  }

  #toSandbox(record: SandboxRecord): Sandbox {
    return sandboxOf(record, {
      config: this.#config,
      find: this.#networks.find,
      pathOf: (token) => this.#stock.sandboxes.pathOf(token),
      sandboxes: (container) => this.#table.find(container),
    });
  }
}

function wasteOf({ token, endpoints }: SandboxRecord): Waste {
  return { token, links: endpoints.flatMap(({ link }) => link ?? []), addresses: endpoints };
}
