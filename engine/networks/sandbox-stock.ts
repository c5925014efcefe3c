import type { EngineConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import type { LinkStep } from "../host/link-steps.ts";
import { runNftInside } from "../host/network-tools.ts";
import type { HostNetworks } from "./host-networks.ts";
import { defaultRouteSteps, planLink } from "./links.ts";
import { isPredefined, type NetworkRecord } from "./network-record.ts";
import { createID } from "./network-table.ts";
import { resolverDoor } from "./resolver/resolver-protocol.ts";
import { createToken, Sandboxes } from "./sandbox.ts";
import { SandboxDisposal, type Waste } from "./sandbox-disposal.ts";
import { type ReadySandbox, SandboxPool } from "./sandbox-pool.ts";
import type { EndpointRecord } from "./sandbox-table.ts";

export type SandboxStockOptions = {
  readonly config: EngineConfig;
  readonly networks: HostNetworks;
  readonly report: (doing: string, error: unknown) => void;
  /** Ready namespaces on the default bridge. */
  readonly poolSize: number;
};

/** Network namespaces, made ahead where that helps, and taken away later where that hurts nobody. */
export class SandboxStock {
  readonly sandboxes: Sandboxes;
  readonly #options: SandboxStockOptions;
  readonly #bridged: SandboxPool;
  readonly #isolated: SandboxPool;
  readonly #disposal = new SandboxDisposal((waste) => this.#destroy(waste));
  /** Namespaces that lead questions for names to the resolver. */
  readonly #doors = new Set<string>();
  /** Links that are on their way. */
  readonly #making = new Set<string>();
  /** Namespaces made with a place on the default bridge, as long as they are there. */
  readonly #onBridge = new Map<string, EndpointRecord>();

  constructor(options: SandboxStockOptions) {
    this.#options = options;
    this.sandboxes = new Sandboxes(options.config);
    const { networks, poolSize, report } = options;
    const onFailure = (error: unknown) => report("prepare a network namespace", error);
    const hasUserNetworks = () => networks.list().some((network) => !isPredefined(network));
    this.#bridged = new SandboxPool({ size: () => poolSize, create: () => this.#createForStock(), onFailure });
    this.#isolated = new SandboxPool({
      size: () => Math.min(poolSize, hasUserNetworks() ? 2 : 1),
      create: () => this.#createIsolated(),
      onFailure,
    });
  }

  /** One that is on the default bridge already. Fails with `resource-exhausted` where no address is left. */
  async takeBridged(): Promise<ReadySandbox> {
    const ready = this.#bridged.take() ?? (await this.#createBridged());
    this.#bridged.refill();
    return ready;
  }

  /** One with loopback, and a way to the resolver; `namespace`: made of this netns. */
  async takeIsolated(namespace: string | null): Promise<ReadySandbox> {
    if (namespace !== null) {
      const own = { token: createToken(), ipv4: null };
      await this.sandboxes.take(own.token, namespace);
      return own;
    }
    const ready = this.#isolated.take() ?? (await this.#createIsolated());
    this.#isolated.refill();
    return ready;
  }

  /** Addresses; one that is only waiting to be given back by who had it last is given back first. */
  async lease(network: NetworkRecord, asked: Parameters<HostNetworks["lease"]>[1]) {
    try {
      return this.#options.networks.lease(network, asked);
    } catch {
      await this.#disposal.flush();
      return this.#options.networks.lease(network, asked);
    }
  }

  /** Adds the links of these endpoints; `all` of the sandbox decide its default routes. */
  async link(token: string, endpoints: readonly EndpointRecord[], all: readonly EndpointRecord[]): Promise<void> {
    const { networks } = this.#options;
    const plans = endpoints.flatMap((endpoint) => {
      const network = networks.find(endpoint.networkID);
      return network === null ? [] : [planLink(network, endpoint, this.#around(token))];
    });
    const links = endpoints.flatMap(({ link }) => link ?? []);
    for (const link of links) {
      this.sandboxes.adopt(link);
      this.#making.add(link);
    }
    const { mends } = networks;
    try {
      await this.sandboxes.extend(token, plans, this.routesOf(all));
      if (networks.mends !== mends) await this.#rejoin(token, endpoints);
    } finally {
      for (const link of links) this.#making.delete(link);
    }
  }

  /** Host ends of veth pairs that somebody makes just now. */
  inTheMaking(): ReadonlySet<string> {
    return new Set(this.#making);
  }

  /** Places on the default bridge that were made ahead, taken or not. */
  readyEndpoints(): EndpointRecord[] {
    return [...this.#onBridge.values()];
  }

  routesOf(endpoints: readonly EndpointRecord[]): LinkStep[] {
    return defaultRouteSteps(endpoints, ({ networkID }) => this.#options.networks.find(networkID));
  }

  /** Makes an endpoint's link a port of its bridge. */
  async join(token: string, endpoint: EndpointRecord): Promise<void> {
    const network = this.#options.networks.find(endpoint.networkID);
    if (network === null) return;
    await this.sandboxes.runOnHost(planLink(network, endpoint, this.#around(token)).after);
  }

  /** Inside, questions for names lead to the resolver's sockets. */
  async openDoor(token: string): Promise<void> {
    if (this.#doors.has(token)) return;
    await runNftInside(this.sandboxes.pathOf(token), resolverDoor);
    this.#doors.add(token);
  }

  /** A moment later, and several in one go. */
  discard(waste: Waste): void {
    this.#disposal.add(waste);
  }

  discardNow(waste: readonly Waste[]): Promise<void> {
    return this.#destroy(waste);
  }

  fill(): void {
    this.#bridged.fill();
    this.#isolated.fill();
  }

  /** Resolves when what is being made ahead is made. */
  async settled(): Promise<void> {
    await Promise.all([this.#bridged.settled(), this.#isolated.settled()]);
  }

  /** Gives back all that is in stock. */
  async close(): Promise<void> {
    const stock = await Promise.all([this.#bridged.close(), this.#isolated.close()]);
    await Promise.all([this.#destroy(stock.flat().map((ready) => this.wasteOf(ready))), this.#disposal.flush()]);
    await this.sandboxes.close();
  }

  wasteOf({ token, ipv4 }: ReadySandbox): Waste {
    const networkID = this.#options.networks.bridge.id;
    const isBridged = ipv4 !== null;
    return { token, links: isBridged ? [token] : [], addresses: isBridged ? [{ networkID, ipv4, ipv6: null }] : [] };
  }

  /** As part of a record. */
  endpointOf({ token, ipv4 }: ReadySandbox): EndpointRecord {
    return {
      networkID: this.#options.networks.bridge.id,
      endpointID: createID(),
      position: 0,
      ipv4,
      ipv6: null,
      mac: null,
      link: token,
      interface: "eth0",
      settings: { aliases: [] },
    };
  }

  async #createForStock(): Promise<ReadySandbox | null> {
    try {
      return await this.#createBridged();
    } catch (error) {
      if (error instanceof EngineError && error.code === "resource-exhausted") return null;
      throw error;
    }
  }

  async #createBridged(): Promise<ReadySandbox> {
    const { networks } = this.#options;
    const { bridge } = networks;
    await networks.ensureThere([bridge]);
    const { ipv4 } = await this.lease(bridge, {});
    const ready = { token: createToken(), ipv4 };
    try {
      const endpoint = this.endpointOf(ready);
      const plan = planLink(bridge, endpoint, this.#around(ready.token));
      const { mends } = networks;
      await this.sandboxes.create(ready.token, plan, this.routesOf([endpoint]));
      this.#onBridge.set(ready.token, endpoint);
      if (networks.mends !== mends) await this.#rejoin(ready.token, [endpoint]);
      return ready;
    } catch (error) {
      await this.sandboxes.destroy([], [ready.token]);
      networks.release(bridge.id, { ipv4, ipv6: null });
      throw error;
    }
  }

  async #createIsolated(): Promise<ReadySandbox> {
    const ready = { token: createToken(), ipv4: null };
    await this.sandboxes.create(ready.token, null, []);
    await this.openDoor(ready.token);
    return ready;
  }

  /** Who put a lost bridge right while these links were made did not know of them. */
  async #rejoin(token: string, endpoints: readonly EndpointRecord[]): Promise<void> {
    for (const endpoint of endpoints) await this.join(token, endpoint);
  }

  #around(token: string) {
    const { config, networks } = this.#options;
    const { mtu, isBridgeFiltered } = networks;
    return { config, netnsPath: this.sandboxes.pathOf(token), mtu, isBridgeFiltered };
  }

  /** Never fails: what is left is swept at the next start. */
  async #destroy(waste: readonly Waste[]): Promise<void> {
    const tokens = waste.flatMap(({ token }) => (token === null ? [] : [token]));
    try {
      await this.sandboxes.destroy(
        tokens,
        waste.flatMap(({ links }) => links),
      );
      for (const token of tokens) {
        this.#doors.delete(token);
        this.#onBridge.delete(token);
      }
      for (const { networkID, ...addresses } of waste.flatMap((one) => one.addresses)) {
        this.#options.networks.release(networkID, addresses);
      }
    } catch (error) {
      this.#options.report("take a network namespace away", error);
    }
  }
}
