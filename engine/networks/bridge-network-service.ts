import type { EngineConfig } from "../config.ts";
import type { Database } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import { listNftTables } from "../host/network-tools.ts";
import { formatSubnet, parseIPv4 } from "../lib/ipv4.ts";
import { ensureBridge, ensureForwarding, readHostNetwork, settleSubnet } from "./bridge.ts";
import { forgetFlows } from "./conntrack.ts";
import { type EndpointRecord, EndpointTable } from "./endpoint-table.ts";
import { admitBridge } from "./foreign-firewall.ts";
import { otherEngineTables, readForeignPorts } from "./foreign-ports.ts";
import type {
  Sandbox as ContainerSandbox,
  Endpoint,
  Network,
  NetworkService,
  Reservation,
  SandboxRequest,
} from "./network-service.ts";
import { checkHostAddresses, describeConflict, PortConflict, PortPlanner, readSurroundings } from "./port-plan.ts";
import { removeHostNetwork } from "./remove-network.ts";
import { RuleQueue } from "./rule-queue.ts";
import { formatElements, formatRuleset, type PublishedPort } from "./ruleset.ts";
import { type Sandbox, Sandboxes, type SandboxLink, type SandboxNetwork } from "./sandbox.ts";
import { SandboxDisposal } from "./sandbox-disposal.ts";
import { SandboxPool } from "./sandbox-pool.ts";
import { AddressLeases } from "./subnet.ts";

export type NetworkServiceOptions = {
  readonly config: EngineConfig;
  readonly database: Database;
  /** Told of what fails in the background: filling the pool, taking namespaces away, putting rules back. */
  readonly onBackgroundFailure?: (doing: string, error: unknown) => void;
  /** Ready namespaces on the bridge; default 4. */
  readonly poolSize?: number;
  /** Milliseconds between looks whether our rules are still in force; default 10,000, 0 for never. */
  readonly guardInterval?: number;
};

/** Opens the networks of one engine: its bridge and rules are in force, with the ports on record, when it answers. */
export function openNetworkService(options: NetworkServiceOptions): Promise<NetworkService> {
  return BridgeNetworkService.open(options);
}

const takingAway = "take a network namespace away";

/** See NetworkService. Decisions: README.md beside this file. */
class BridgeNetworkService implements NetworkService {
  readonly #options: NetworkServiceOptions;
  readonly #config: EngineConfig;
  readonly #table: EndpointTable;
  readonly #planner: PortPlanner;
  readonly #sandboxes: Sandboxes;
  readonly #rules = new RuleQueue();
  readonly #leases: AddressLeases;
  readonly #bridged: SandboxPool;
  readonly #isolated: SandboxPool;
  readonly #disposal = new SandboxDisposal((sandboxes) => this.#inBackground(takingAway, this.#discard(sandboxes)));
  readonly #background = new Set<Promise<void>>();
  readonly #guard: NodeJS.Timeout | null;
  #network: SandboxNetwork;
  /** nft tables of other engines, as of the last look. */
  #others: readonly string[] = [];

  private constructor(
    options: NetworkServiceOptions,
    table: EndpointTable,
    sandboxes: Sandboxes,
    network: SandboxNetwork,
  ) {
    this.#options = options;
    this.#config = options.config;
    this.#table = table;
    this.#planner = new PortPlanner(table);
    this.#sandboxes = sandboxes;
    this.#network = network;
    this.#leases = new AddressLeases(network.subnet.subnet);
    const onFailure = (error: unknown) => this.#report("prepare a network namespace", error);
    const size = options.poolSize ?? 4;
    this.#bridged = new SandboxPool({ size, create: () => this.#createBridged(), onFailure });
    this.#isolated = new SandboxPool({ size: Math.min(size, 1), create: () => this.#createIsolated(), onFailure });
    const interval = options.guardInterval ?? 10_000;
    this.#guard = interval === 0 ? null : setInterval(() => this.#watchRules(), interval).unref();
  }

  static async open(options: NetworkServiceOptions): Promise<BridgeNetworkService> {
    const { config } = options;
    const table = new EndpointTable(options.database);
    const sandboxes = new Sandboxes(config);
    const [host] = await Promise.all([readHostNetwork(), sandboxes.open()]);
    const subnet = settleSubnet(config, host, table.findSubnet());
    // On record first, so that a crash in between finds the same again.
    table.saveSubnet(formatSubnet(subnet.subnet));
    await ensureBridge(config, host, subnet);
    const service = new BridgeNetworkService(options, table, sandboxes, { subnet, mtu: host.mtu });
    for (const { token, ipAddress } of table.list()) {
      if (token !== null) sandboxes.adopt(token);
      if (ipAddress !== null) service.#leases.hold(parseIPv4(ipAddress) ?? 0);
    }
    await service.#enforceRules();
    return service;
  }

  async reserve(request: SandboxRequest): Promise<Reservation> {
    // A record that a failed start left behind must not keep the container from its next one.
    if (this.#table.find(request.container) !== null) await this.release(request.container);
    try {
      const record =
        request.mode === "networks" ? await this.#connectBridge(request) : await this.#connectPlain(request);
      const published = this.#publish(record);
      // Told when it is waited for.
      published.catch(() => undefined);
      return { sandbox: this.#toSandbox(record), published };
    } catch (error) {
      throw error instanceof PortConflict ? await describeConflict(error, request.containerName) : error;
    }
  }

  find(container: string): ContainerSandbox | null {
    const record = this.#table.find(container);
    return record === null ? null : this.#toSandbox(record);
  }

  async release(container: string): Promise<void> {
    const record = this.#table.find(container);
    if (record === null) return;
    this.#table.remove([container]);
    const sandbox = this.#sandboxOf(record);
    if (sandbox !== null) this.#disposal.add(sandbox);
    await this.#withdrawPorts(record);
  }

  async restore(containers: readonly string[]): Promise<void> {
    const alive = new Set(containers);
    const stale = this.#table.list().filter(({ container }) => !alive.has(container));
    this.#table.remove(stale.map(({ container }) => container));
    await this.#dismiss(stale);
    await this.#repairLinks();
    await this.#enforceRules();
    this.#bridged.fill();
    this.#isolated.fill();
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

  async #connectBridge(request: SandboxRequest): Promise<EndpointRecord> {
    checkHostAddresses(request.ports);
    const surroundings = request.ports.length === 0 ? null : await this.#surroundingsOf(request);
    const namespace = request.namespace ?? null;
    const ready = namespace === null ? this.#bridged.take() : null;
    const sandbox = ready ?? (await this.#getBridged(namespace));
    try {
      const ipAddress = sandbox.link?.ipAddress ?? null;
      const ports = surroundings === null ? [] : this.#planner.plan(request.ports, surroundings);
      const record = {
        container: request.container,
        network: "bridge",
        ipAddress,
        token: sandbox.token,
        ports,
      } as const;
      this.#table.insert(record);
      return record;
    } catch (error) {
      void this.#inBackground(takingAway, this.#discard([sandbox]));
      throw error;
    } finally {
      this.#bridged.refill();
    }
  }

  async #connectPlain(request: SandboxRequest): Promise<EndpointRecord> {
    const network = request.mode === "host" ? ("host" as const) : ("none" as const);
    const isHost = network === "host";
    const namespace = request.namespace ?? null;
    const ready = isHost || namespace !== null ? null : this.#isolated.take();
    const sandbox = isHost ? null : (ready ?? (await this.#createIsolated(namespace)));
    const token = sandbox?.token ?? null;
    const record = { container: request.container, network, ipAddress: null, token, ports: [] };
    try {
      this.#table.insert(record);
      return record;
    } catch (error) {
      if (sandbox !== null) void this.#inBackground(takingAway, this.#discard([sandbox]));
      throw error;
    } finally {
      if (!isHost) this.#isolated.refill();
    }
  }

  /** Puts the ports of a new endpoint in force. */
  async #publish(record: EndpointRecord): Promise<void> {
    const script = formatElements(this.#config.names.table, "add", publishedPorts(record));
    try {
      // Refused: someone flushed or changed our table. Written anew from the records it has these ports, too.
      await this.#rules.apply(script).catch(() => this.#enforceRules());
    } catch (error) {
      throw EngineError.wrap("publish ports", error);
    }
    await forgetFlows(record.ports);
  }

  async #withdrawPorts(record: EndpointRecord): Promise<void> {
    const script = formatElements(this.#config.names.table, "delete", publishedPorts(record));
    try {
      await this.#rules.apply(script);
    } catch {
      // An element was gone: someone changed our table. Write it anew from the records.
      await this.#enforceRules();
    }
    await forgetFlows(record.ports);
  }

  async #surroundingsOf(request: SandboxRequest) {
    return readSurroundings(request.ports, await readForeignPorts(this.#others));
  }

  async #createBridged(namespace: string | null = null): Promise<Sandbox | null> {
    const address = this.#leases.take();
    if (address === null) return null;
    try {
      return await this.#sandboxes.create(address, this.#network, namespace);
    } catch (error) {
      this.#leases.release(address);
      throw error;
    }
  }

  async #getBridged(namespace: string | null): Promise<Sandbox> {
    const sandbox = await this.#createBridged(namespace);
    if (sandbox !== null) return sandbox;
    const subnet = formatSubnet(this.#network.subnet.subnet);
    throw new EngineError("resource-exhausted", `no address is left in ${subnet} for another container`, {
      hint: "remove containers that are not needed, or run some with --network none or host",
    });
  }

  #createIsolated(namespace: string | null = null): Promise<Sandbox> {
    return this.#sandboxes.create(null, this.#network, namespace);
  }

  /** Bridge, host ends of the veth pairs and leftovers, as the records say. */
  async #repairLinks(): Promise<void> {
    await Promise.all([this.#bridged.settled(), this.#isolated.settled()]);
    const host = await readHostNetwork();
    await ensureBridge(this.#config, host, this.#network.subnet);
    this.#network = { ...this.#network, mtu: host.mtu };
    await this.#sandboxes.sweep(host.links.map(({ name }) => name));
    for (const record of this.#table.list()) {
      const sandbox = this.#sandboxOf(record);
      if (sandbox === null || sandbox.link === null) continue;
      const { interfaceName } = sandbox.link;
      const link = host.links.find(({ name }) => name === interfaceName);
      const isJoined = link?.master === this.#config.names.bridge && link.isUp;
      if (isJoined) continue;
      const repair =
        link === undefined ? this.#sandboxes.relink(sandbox, this.#network) : this.#sandboxes.join(interfaceName);
      // One container's broken namespace must not keep the others from theirs.
      await repair.catch((error) => this.#report(`reconnect container ${record.container.slice(0, 12)}`, error));
    }
  }

  /** Writes the whole table anew from the records, lets other firewalls admit our bridge, and makes the host a router. */
  async #enforceRules(): Promise<void> {
    const { table, bridge } = this.#config.names;
    const ports = this.#table.list().flatMap(publishedPorts);
    await this.#rules.apply(formatRuleset({ table, bridge, subnet: this.#network.subnet, ports }));
    await ensureForwarding(this.#config);
    const tables = (await listNftTables()) ?? [];
    this.#others = otherEngineTables(this.#config, tables);
    await admitBridge(this.#config, tables);
  }

  /** A firewall that reloads may flush every table of the host, and docker may come up after us. */
  #watchRules(): void {
    const look = async () => {
      const tables = await listNftTables();
      if (tables === null) return;
      if (!tables.includes(`inet ${this.#config.names.table}`)) return this.#enforceRules();
      this.#others = otherEngineTables(this.#config, tables);
      await admitBridge(this.#config, tables);
    };
    void this.#inBackground("look after the firewall rules", look());
  }

  #sandboxOf(record: EndpointRecord): Sandbox | null {
    return record.token === null ? null : this.#sandboxes.describe(record.token, record.ipAddress);
  }

  #dismiss(records: readonly EndpointRecord[]): Promise<void> {
    return this.#discard(records.map((record) => this.#sandboxOf(record)).filter((sandbox) => sandbox !== null));
  }

  /** The address is free again only when nothing answers to it any more. */
  async #discard(sandboxes: readonly Sandbox[]): Promise<void> {
    await this.#sandboxes.destroy(sandboxes);
    for (const { link } of sandboxes) if (link !== null) this.#leases.release(parseIPv4(link.ipAddress) ?? 0);
  }

  async #close(): Promise<void> {
    if (this.#guard !== null) clearInterval(this.#guard);
    const stock = await Promise.all([this.#bridged.close(), this.#isolated.close()]);
    await Promise.all([this.#discard(stock.flat()), this.#disposal.flush()]);
    await Promise.all(this.#background);
    await this.#rules.idle();
  }

  #inBackground(doing: string, work: Promise<void>): Promise<void> {
    const tracked = work.catch((error) => this.#report(doing, error)).finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
    return tracked;
  }

  #report(doing: string, error: unknown): void {
    this.#options.onBackgroundFailure?.(doing, error);
  }

  #toSandbox(record: EndpointRecord): ContainerSandbox {
    const sandbox = this.#sandboxOf(record);
    const endpoint = sandbox === null || sandbox.link === null ? null : this.#toEndpoint(record, sandbox.link);
    return {
      netnsPath: sandbox?.netnsPath ?? null,
      mode: record.network === "bridge" ? "networks" : record.network,
      endpoints: endpoint === null ? [] : [endpoint],
      primary: endpoint,
      ports: record.ports,
      resolver: null,
    };
  }

  #toEndpoint(record: EndpointRecord, link: SandboxLink): Endpoint {
    const { gateway, prefixLength } = this.#network.subnet;
    return {
      endpointID: record.container,
      networkID: "bridge",
      network: "bridge",
      driver: "bridge",
      ipAddress: record.ipAddress,
      prefixLength,
      gateway,
      ipv6Address: null,
      ipv6PrefixLength: null,
      ipv6Gateway: null,
      macAddress: link.macAddress,
      interfaceName: "eth0",
      hostInterfaceName: link.interfaceName,
      dnsNames: [],
      settings: { aliases: [] },
    };
  }

  attach(): Promise<never> {
    return Promise.reject(new EngineError("unimplemented", "networks cannot be connected yet"));
  }
  detach = this.attach;
  create = this.attach;
  remove = this.attach;
  prune = this.attach;
  rename(): void {}
  list(): [] {
    return [];
  }
  get(network: string): Network {
    throw new EngineError("not-found", `network ${network} not found`);
  }
  check(): void {}
  inspect(network: string): never {
    throw new EngineError("not-found", `network ${network} not found`);
  }
  reload(): Promise<void> {
    return this.#enforceRules();
  }
  onChange(): () => void {
    return () => {};
  }
}

function publishedPorts(record: EndpointRecord): PublishedPort[] {
  const { ipAddress } = record;
  return ipAddress === null ? [] : record.ports.map((port) => ({ ...port, ipAddress }));
}
