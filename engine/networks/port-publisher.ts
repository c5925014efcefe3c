import type { EngineConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import type { PortBinding, PortRequest } from "../protocol/ports.ts";
import { forgetFlows } from "./conntrack.ts";
import { readForeignPorts } from "./foreign-ports.ts";
import type { HostNetworks } from "./host-networks.ts";
import { optionNames } from "./network-record.ts";
import { PortPlanner, placePorts, readSurroundings } from "./port-plan.ts";
import { formatElements, type PublishedPort } from "./ruleset.ts";
import type { EndpointRecord, SandboxTable } from "./sandbox-table.ts";
import { publishedEndpoint } from "./sandbox-views.ts";

export type PortPublisherOptions = {
  readonly config: EngineConfig;
  readonly networks: HostNetworks;
  readonly table: SandboxTable;
};

/** Chooses host ports and puts them in force. */
export class PortPublisher {
  readonly #options: PortPublisherOptions;
  readonly #planner: PortPlanner;

  constructor(options: PortPublisherOptions) {
    this.#options = options;
    this.#planner = new PortPlanner(options.table);
  }

  /**
   * What gives the ports of a container with these endpoints, to be called without a pause before they are claimed: it throws PortConflict.
   * A container that no bridge leads to from outside has none.
   */
  async prepare(
    ports: readonly PortRequest[],
    endpoints: readonly EndpointRecord[],
  ): Promise<() => readonly PortBinding[]> {
    if (ports.length === 0) return () => [];
    const { networks } = this.#options;
    const [on4, on6] = ([4, 6] as const).map((family) => publishedEndpoint(endpoints, family, networks.find));
    if (on4 === null && on6 === null) return () => [];
    const ofNetwork = on4?.network.options[optionNames.hostBinding] ?? "";
    const groups = placePorts(ports, {
      has4: on4 !== null && on4 !== undefined,
      has6: on6 !== null && on6 !== undefined,
      defaultAddress: ofNetwork === "" || ofNetwork === "0.0.0.0" ? networks.settings.publishAddress : ofNetwork,
    });
    const surroundings = await readSurroundings(ports, await readForeignPorts(networks.foreignTables));
    return () => this.#planner.plan(groups, surroundings);
  }

  /** Puts the ports of a new sandbox in force. */
  async publish(ports: readonly PublishedPort[]): Promise<void> {
    const { networks, config } = this.#options;
    try {
      // Refused: someone flushed or changed our table. Written anew from the records it has these ports, too.
      await networks.rules.apply(formatElements(config.names.table, "add", ports)).catch(() => networks.enforceRules());
    } catch (error) {
      throw EngineError.wrap("publish ports", error);
    }
    await forgetFlows(ports);
  }

  async withdraw(ports: readonly PublishedPort[]): Promise<void> {
    const { networks, config } = this.#options;
    try {
      await networks.rules.apply(formatElements(config.names.table, "delete", ports));
    } catch {
      // An element was gone: someone changed our table. Write it anew from the records.
      await networks.enforceRules();
    }
    await forgetFlows(ports);
  }

  /** To another endpoint of the same container. */
  async move(before: readonly PublishedPort[], after: readonly PublishedPort[]): Promise<void> {
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    await this.withdraw(before);
    await this.publish(after);
  }
}
