import type { PortBinding, PortRequest } from "../protocol/ports.ts";

export type EndpointRequest = {
  readonly container: string;
  /** For messages. */
  readonly containerName: string;
  readonly network: "bridge" | "none" | "host";
  readonly ports: readonly PortRequest[];
};

/** A sandbox's place on a network. */
export type Endpoint = {
  /** A netns bind-mounted in a file, for the runtime spec; null: the host's own (network `host`). */
  readonly netnsPath: string | null;
  readonly ipAddress: string | null;
  readonly prefixLength: number | null;
  readonly gateway: string | null;
  readonly macAddress: string | null;
  /** Host end of the veth pair. */
  readonly interfaceName: string | null;
  readonly ports: readonly PortBinding[];
};

export type Reservation = { readonly endpoint: Endpoint; readonly published: Promise<void> };

/**
 * One bridge with NAT, one nft table, addresses and published ports in the database. Everything on the host bears the names of
 * EngineConfig.names. A ready pool of namespaces keeps the work off the start path.
 */
export interface NetworkService extends AsyncDisposable {
  /**
   * Gives a container its netns, address, route and published ports, all in force when it answers. Fails with
   * `failed-precondition` for a port that is taken, naming the port and, where it can be known, the owner (container or
   * process); with `resource-exhausted` when no address is left; then nothing is left behind.
   */
  connect(request: EndpointRequest): Promise<Endpoint>;
  /**
   * The same, answering as soon as netns, address and ports are its own; the ports are in force when `published` resolves. For who has
   * something else to do meanwhile. Where `published` fails, the caller disconnects.
   */
  reserve(request: EndpointRequest): Promise<Reservation>;
  /** What connect gave, or null. Survives restarts of the engine. */
  find(container: string): Endpoint | null;
  /** Takes everything away again. A success if there is nothing. */
  disconnect(container: string): Promise<void>;
  /** At start, and after a firewall reload: puts back bridge, rules and ports of these containers, drops all others'. */
  restore(containers: readonly string[]): Promise<void>;
  /** Removes bridge, table and namespaces of this engine: for purge. */
  removeAll(): Promise<void>;
}
