import type { EngineConfig } from "../config.ts";
import { settleAll } from "../lib/settle.ts";
import type { HostNetworks } from "./host-networks.ts";
import { ResolverClient } from "./resolver/resolver-client.ts";
import type { ResolverView } from "./resolver/resolver-protocol.ts";
import type { SandboxStock } from "./sandbox-stock.ts";
import type { SandboxRecord, SandboxTable } from "./sandbox-table.ts";
import { resolverViewOf } from "./sandbox-views.ts";

export type ContainerNamesOptions = {
  readonly config: EngineConfig;
  readonly networks: HostNetworks;
  readonly stock: SandboxStock;
  readonly table: SandboxTable;
  readonly report: (doing: string, error: unknown) => void;
};

/** Keeps the resolver's knowledge of containers in line with the records. */
export class ContainerNames {
  readonly #options: ContainerNamesOptions;
  readonly #resolver: ResolverClient;

  constructor(options: ContainerNamesOptions) {
    this.#options = options;
    this.#resolver = new ResolverClient(options.config, (error) =>
      options.report("start the resolver of names", error),
    );
  }

  /** Starts the resolver ahead of its first use. */
  warm(): void {
    this.#resolver.warm();
  }

  /** Makes a container and its names known, or forgotten where it is on no network that resolves any. */
  async introduce(record: SandboxRecord): Promise<void> {
    const view = this.#viewOf(record);
    if (view === null || record.token === null) return this.#resolver.drop(record.container);
    await settleAll([this.#options.stock.openDoor(record.token), this.#resolver.put(view)]);
  }

  forget(container: string): Promise<void> {
    return this.#resolver.drop(container);
  }

  /** All on record, and no others. */
  introduceAll(): Promise<void> {
    return this.#resolver.reset(this.#options.table.list().flatMap((record) => this.#viewOf(record) ?? []));
  }

  /** What an engine that was killed in the middle of it has not done. */
  async openDoors(): Promise<void> {
    const { table, stock, report } = this.#options;
    for (const record of table.list()) {
      if (record.token === null || this.#viewOf(record) === null) continue;
      await stock.openDoor(record.token).catch((error) => report("lead names to the resolver", error));
    }
  }

  /** The resolver goes on. */
  close(): Promise<void> {
    return this.#resolver.close();
  }

  #viewOf(record: SandboxRecord): ResolverView | null {
    if (record.token === null) return null;
    const { stock, networks } = this.#options;
    return resolverViewOf(record, { netnsPath: stock.sandboxes.pathOf(record.token), find: networks.find });
  }
}
