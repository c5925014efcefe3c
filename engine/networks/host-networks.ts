import type { EngineConfig } from "../config.ts";
import type { Database } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import { listNftTables, tryIP } from "../host/network-tools.ts";
import { formatRange, type IPRange, parseRange } from "../lib/ip-range.ts";
import { KeyedQueue } from "../lib/keyed-queue.ts";
import type { CreateNetworkRequest } from "../protocol/networks.ts";
import { AddressLeases, leaseOne } from "./address-leases.ts";
import {
  ensureForwarding,
  ensureInterfaces,
  type HostNetwork,
  isBridgeFiltered,
  isBridgeThere,
  readHostNetwork,
  settleSubnet,
  takenRanges,
  takenRanges6,
} from "./bridge.ts";
import { planNetwork } from "./create-network.ts";
import { admitBridges } from "./foreign-firewall.ts";
import { otherEngineTables } from "./foreign-ports.ts";
import {
  bridgeNameOf,
  isOn,
  isPredefined,
  type NetworkRecord,
  optionNames,
  parentOf,
  subnetOf,
} from "./network-record.ts";
import { type NetworkSettings, readNetworkSettings } from "./network-settings.ts";
import { createID, NetworkTable } from "./network-table.ts";
import { RuleQueue } from "./rule-queue.ts";
import { formatRuleset, type PublishedPort } from "./ruleset.ts";
import { bridgeRulesOf } from "./sandbox-views.ts";
import { defaultBridgePrefix, defaultPools, firstAddressOf } from "./subnet.ts";

export type HostNetworksOptions = {
  readonly config: EngineConfig;
  readonly database: Database;
  /** All that have to be in force. */
  readonly publishedPorts: () => readonly PublishedPort[];
  readonly report: (doing: string, error: unknown) => void;
  /** Interfaces that somebody took away are there again: whatever hung on them hangs on nothing. */
  readonly onMended: () => Promise<void>;
};

/** The networks as the host has them: interfaces, rules, addresses. Knows nothing of containers. */
export class HostNetworks {
  readonly rules = new RuleQueue();
  readonly #options: HostNetworksOptions;
  readonly #table: NetworkTable;
  readonly #leases = new Map<string, AddressLeases[]>();
  /** One network is made or removed at a time. */
  readonly #queue = new KeyedQueue();
  #settings: NetworkSettings = { publishAddress: "", pools: null };
  #mtu = 1500;
  #isBridgeFiltered = false;
  /** What belongs to a network that was removed may still be there. */
  #isLeftBehind = false;
  #mends = 0;
  #isMending = false;
  /** nft tables of other engines, as of the last look. */
  #others: readonly string[] = [];

  constructor(options: HostNetworksOptions) {
    this.#options = options;
    this.#table = new NetworkTable(options.database);
  }

  /** Of the host's own way out. */
  get mtu(): number {
    return this.#mtu;
  }

  /** How often interfaces were put right: who made a link meanwhile may have joined it to a bridge that is gone. */
  get mends(): number {
    return this.#mends;
  }

  get isBridgeFiltered(): boolean {
    return this.#isBridgeFiltered;
  }

  get settings(): NetworkSettings {
    return this.#settings;
  }

  get foreignTables(): readonly string[] {
    return this.#others;
  }

  get bridge(): NetworkRecord {
    return this.#table.get("bridge");
  }

  list(): NetworkRecord[] {
    return this.#table.list();
  }

  find = (id: string): NetworkRecord | null => this.#table.find(id);

  get(network: string): NetworkRecord {
    return this.#table.get(network);
  }

  /** Interfaces as on record; the default bridge's subnet is settled for good. */
  async open(): Promise<void> {
    const host = await readHostNetwork();
    await this.#readSettings();
    this.#settleBridge(host);
    for (const network of this.list()) this.#openLeases(network);
    await this.#repairInterfaces(host);
    await this.#removeLeft(host);
  }

  /** None is made or removed meanwhile: what is repaired must not come back after its end. */
  repairInterfaces(): Promise<void> {
    return this.#queue.run("networks", async () => this.#repairInterfaces(await readHostNetwork()));
  }

  /** Makes the bridges of these anew where somebody took one away a moment ago: the next look of the guard may be seconds off. */
  async ensureThere(networks: readonly NetworkRecord[]): Promise<void> {
    if (this.#isMending || this.#lacking(networks).length > 0) await this.#queue.run("networks", () => this.#mend());
  }

  /** What fails on its way is taken up by who comes next: a bridge that is there again is of no use before its ports are. */
  async #mend(): Promise<void> {
    if (!this.#isMending && this.#lacking(this.list()).length === 0) return;
    this.#isMending = true;
    await this.#repairInterfaces(await readHostNetwork());
    await ensureForwarding(this.#options.config, this.list());
    await this.#options.onMended();
    this.#isMending = false;
  }

  /** What an engine or a removal that was cut off has left. */
  async #removeLeft({ links }: HostNetwork): Promise<void> {
    const expected = new Set(this.list().flatMap((network) => this.#interfacesOf(network)));
    const { table } = this.#options.config.names;
    const left = links.filter(({ name, alias }) => alias === table && !expected.has(name));
    if (left.length > 0) await tryIP(left.map(({ name }) => `link del dev ${name}`));
  }

  /** A broken network of a user's must not keep the others from theirs; without the default bridge nothing goes. */
  async #repairInterfaces(host: HostNetwork): Promise<void> {
    this.#mends += 1;
    const { config, report } = this.#options;
    this.#mtu = host.mtu;
    this.#isBridgeFiltered = isBridgeFiltered();
    const [first, others] = [this.bridge, this.list().filter(({ name }) => name !== "bridge")];
    const all = [first, ...others];
    try {
      return await ensureInterfaces(config, all, host);
    } catch {
      await ensureInterfaces(config, [first], host);
    }
    for (const network of others) {
      await ensureInterfaces(config, [network], host).catch((error) =>
        report(`bring up network ${network.name}`, error),
      );
    }
  }

  /** Writes the whole table anew, lets other firewalls admit our bridges, and makes the host a router. */
  async enforceRules(): Promise<void> {
    const { config, publishedPorts } = this.#options;
    const { table } = config.names;
    const bridges = this.list().flatMap((network) => bridgeRulesOf(config, network));
    await this.rules.apply(formatRuleset({ table, bridges, ports: publishedPorts() }));
    await ensureForwarding(config, this.list());
    await this.#lookAround((await listNftTables()) ?? []);
  }

  /**
   * A firewall that reloads may flush every table of the host, and docker may come up after us, and change how bridges work. True: links
   * have to be looked at again.
   */
  async watchRules(): Promise<boolean> {
    const tables = await listNftTables();
    if (tables === null) return false;
    const isThere = tables.includes(`inet ${this.#options.config.names.table}`);
    if (isThere && !this.#isLeftBehind) await this.#lookAround(tables);
    else await this.enforceRules();
    if (this.#isLeftBehind) await this.#queue.run("networks", async () => this.#removeLeft(await readHostNetwork()));
    this.#isLeftBehind = false;
    if (this.#lacking(this.list()).length > 0) return true;
    const matters = this.list().some((network) => !isOn(network, optionNames.icc));
    return matters && this.#isBridgeFiltered !== isBridgeFiltered();
  }

  /** Those whose bridge somebody took away. */
  #lacking(networks: readonly NetworkRecord[]): NetworkRecord[] {
    return networks.filter((network) => !isBridgeThere(bridgeNameOf(this.#options.config, network)));
  }

  async reload(): Promise<void> {
    await this.#readSettings();
  }

  create(request: CreateNetworkRequest): Promise<{ record: NetworkRecord; warnings: string[] }> {
    return this.#queue.run("networks", () => this.#create(request));
  }

  /** `inUse` throws where it may not go; looked at with nothing in between. */
  remove(network: string, refuseUsed: (record: NetworkRecord) => void): Promise<NetworkRecord> {
    return this.#queue.run("networks", () => this.#remove(network, refuseUsed));
  }

  /** An address of each family that the network has, as asked where it was. Fails with `failed-precondition` or `resource-exhausted`. */
  lease(network: NetworkRecord, asked: { ipv4?: string | undefined; ipv6?: string | undefined }) {
    const taken: { ipv4: string | null; ipv6: string | null } = { ipv4: null, ipv6: null };
    try {
      for (const leases of this.#leases.get(network.id) ?? []) {
        const key = leases.subnet.family === 4 ? "ipv4" : "ipv6";
        taken[key] = leaseOne(network.name, leases, asked[key] ?? null);
      }
      return taken;
    } catch (error) {
      this.release(network.id, taken);
      throw error;
    }
  }

  /** Marks addresses that are in use already. */
  hold(networkID: string, { ipv4, ipv6 }: { readonly ipv4: string | null; readonly ipv6: string | null }): void {
    for (const leases of this.#leases.get(networkID) ?? [])
      leases.claim((leases.subnet.family === 4 ? ipv4 : ipv6) ?? "");
  }

  release(networkID: string, { ipv4, ipv6 }: { readonly ipv4: string | null; readonly ipv6: string | null }): void {
    for (const leases of this.#leases.get(networkID) ?? []) {
      leases.release((leases.subnet.family === 4 ? ipv4 : ipv6) ?? "");
    }
  }

  /** Whether this network could give this address to somebody. */
  admits(networkID: string, address: Parameters<AddressLeases["admits"]>[0]): boolean {
    return (this.#leases.get(networkID) ?? []).some((leases) => leases.admits(address));
  }

  async #create(request: CreateNetworkRequest) {
    const { config } = this.#options;
    await this.#readSettings();
    const host = await readHostNetwork();
    const ours = new Set(this.list().flatMap((network) => this.#interfacesOf(network)));
    const taken = [...takenRanges(host, ours), ...(request.enableIPv6 ? await takenRanges6(ours) : [])];
    const links = host.links.map(({ name }) => name);
    const { record, warnings } = planNetwork(
      request,
      { config, networks: this.list(), taken, links, pools: this.#settings.pools },
      { id: createID(), createdAt: new Date().toISOString() },
    );
    // On record first, so that what a crash leaves is finished by the next start.
    this.#table.insert(record);
    try {
      await ensureInterfaces(config, [record], host);
      this.#openLeases(record);
      await this.#mend();
      await this.enforceRules();
    } catch (error) {
      this.#table.delete(record.id);
      this.#leases.delete(record.id);
      await this.#removeInterfaces(record).catch(() => {});
      throw EngineError.wrap(`create network ${record.name}`, error);
    }
    return { record, warnings };
  }

  async #remove(network: string, refuseUsed: (record: NetworkRecord) => void): Promise<NetworkRecord> {
    const record = this.get(network);
    if (isPredefined(record)) {
      throw new EngineError("failed-precondition", `${record.name} is a pre-defined network and cannot be removed`);
    }
    refuseUsed(record);
    this.#table.delete(record.id);
    this.#leases.delete(record.id);
    try {
      await this.#removeInterfaces(record);
      await this.#mend();
      await this.enforceRules();
    } catch (error) {
      // It is gone for all who ask: the guard takes away what is left of it.
      this.#isLeftBehind = true;
      this.#options.report(`take away what network ${record.name} had on this host`, error);
    }
    return record;
  }

  /** Of a parent, only what we made ourselves, and only while no other network hangs on it. */
  async #removeInterfaces(record: NetworkRecord): Promise<void> {
    const { config } = this.#options;
    const stillUsed = new Set(this.list().flatMap((network) => this.#interfacesOf(network)));
    const names = this.#interfacesOf(record).filter((name) => !stillUsed.has(name));
    const { links } = await readHostNetwork();
    const ours = links.filter(({ name, alias }) => names.includes(name) && alias === config.names.table);
    if (ours.length > 0) await tryIP(ours.map(({ name }) => `link del dev ${name}`));
  }

  #interfacesOf(network: NetworkRecord): string[] {
    const name = bridgeNameOf(this.#options.config, network) ?? parentOf(network);
    return name === null ? [] : [name];
  }

  #settleBridge(host: HostNetwork): void {
    const { config, database } = this.#options;
    const { bridge } = config.names;
    const row = database.prepare("SELECT value FROM settings WHERE key = 'network.subnet'").get();
    const saved = subnetOf(this.bridge, 4)?.range ?? (typeof row?.value === "string" ? parseRange(row.value) : null);
    const others = this.list().flatMap((network) =>
      network.name === "bridge" ? [] : (subnetOf(network, 4)?.range ?? []),
    );
    const taken: IPRange[] = [...takenRanges(host, new Set([bridge])).map(({ range }) => range)];
    const isThere = host.links.some(({ name }) => name === bridge);
    // Before their bridges are up again, other networks' subnets are no routes of the host.
    const pools = this.#settings.pools ?? defaultPools(defaultBridgePrefix);
    const subnet = settleSubnet(config, saved, {
      taken: saved === null ? [...taken, ...others] : taken,
      isThere,
      pools,
    });
    const text = formatRange(subnet);
    if (this.bridge.subnets[0]?.subnet === text) return;
    this.#table.updateSubnets(this.bridge.id, [{ subnet: text, gateway: firstAddressOf(subnet), ipRange: "" }]);
  }

  #openLeases(network: NetworkRecord): void {
    const leases = ([4, 6] as const).flatMap((family) => {
      const subnet = subnetOf(network, family);
      return subnet === null ? [] : [new AddressLeases(subnet.range, subnet)];
    });
    this.#leases.set(network.id, leases);
  }

  async #lookAround(tables: readonly string[]): Promise<void> {
    const { config } = this.#options;
    this.#others = otherEngineTables(config, tables);
    await admitBridges(config, this.list(), tables);
  }

  async #readSettings(): Promise<void> {
    try {
      this.#settings = await readNetworkSettings(this.#options.config.settings);
    } catch (error) {
      this.#options.report("read the settings of networks", error);
    }
  }
}
