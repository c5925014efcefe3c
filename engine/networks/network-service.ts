import type { EndpointSettings } from "../protocol/create-request.ts";
import type { CreateNetworkRequest, NetworkDriver, NetworkSummary, SubnetRequest } from "../protocol/networks.ts";
import type { PortBinding, PortRequest } from "../protocol/ports.ts";
import type { FsckFinding } from "../protocol/upkeep.ts";

/** A network as it is on record. */
export type Network = {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly driver: NetworkDriver;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly internal: boolean;
  readonly enableIPv6: boolean;
  /** As given: with a gateway each. */
  readonly subnets: readonly SubnetRequest[];
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
};

export type EndpointRequest = {
  /** Name, id, or a unique prefix of an id. */
  readonly network: string;
  readonly settings: EndpointSettings;
};

export type SandboxRequest = {
  readonly container: string;
  /** For messages, and its name on networks that resolve names. */
  readonly containerName: string;
  readonly hostname: string;
  /** `host`; `none`; `container:<id>`: that of another, which runs; `networks`: a namespace of its own with these endpoints. */
  readonly mode: string;
  /** The first gives the default route, where it has one to give. */
  readonly endpoints: readonly EndpointRequest[];
  readonly ports: readonly PortRequest[];
  /** A netns to take instead of making one, by a path that is there until `reserve` answers: it belongs to the container's own user namespace. */
  readonly namespace?: string | null;
  /**
   * Of no container: on record in memory only, and on no list, but its network stays as long as it is there. What an engine that was
   * killed left of it, `restore` of the next one takes away.
   */
  readonly isTransient?: boolean;
  /** `--dns`: asked for names that are no container's, in place of the host's resolvers. */
  readonly dns?: readonly string[];
};

/** A sandbox's place on a network. */
export type Endpoint = {
  /** 64 hex digits. */
  readonly endpointID: string;
  readonly networkID: string;
  readonly network: string;
  readonly driver: NetworkDriver;
  readonly ipAddress: string | null;
  readonly prefixLength: number | null;
  readonly gateway: string | null;
  readonly ipv6Address: string | null;
  readonly ipv6PrefixLength: number | null;
  readonly ipv6Gateway: string | null;
  readonly macAddress: string | null;
  /** Inside: eth0, eth1, … */
  readonly interfaceName: string;
  /** Host end of the veth pair; null for macvlan and ipvlan. */
  readonly hostInterfaceName: string | null;
  /** What is asked for by others to find it, on networks that resolve names: the container's name, short id, hostname, aliases. */
  readonly dnsNames: readonly string[];
  /** As asked. */
  readonly settings: EndpointSettings;
};

/** The network side of a container that runs. */
export type Sandbox = {
  /** A netns bind-mounted in a file, for the runtime spec; null: the host's own. */
  readonly netnsPath: string | null;
  /** As asked. */
  readonly mode: string;
  /** For `container:<id>`: empty, since they are the other's. */
  readonly endpoints: readonly Endpoint[];
  /** The one with the default route, or null. */
  readonly primary: Endpoint | null;
  readonly ports: readonly PortBinding[];
  /** What its resolv.conf names; null: the host's resolvers. */
  readonly resolver: string | null;
};

export type Reservation = {
  readonly sandbox: Sandbox;
  /** Resolves when interfaces, names and ports are in force. Ports are put in force from its first call on. */
  readonly establish: () => Promise<void>;
};

export type PruneFilter = {
  /** RFC 3339: only those made before. */
  readonly until: string | null;
  readonly labels: readonly string[];
  readonly dryRun: boolean;
  /** Whether a container that does not run names this network. */
  readonly isNamed: (network: Network) => boolean;
};

/**
 * Networks of one host, and the sandboxes of the containers that run: a netns with any number of endpoints, addresses and published
 * ports in the database. Everything on the host bears the names of EngineConfig.names. `bridge`, `host` and `none` are always there.
 *
 * `network` params take a name, an id, or a unique prefix of an id: `not-found`, or `invalid-argument` where several begin with it.
 */
export interface NetworkService extends AsyncDisposable {
  /**
   * Gives a container its netns, addresses, routes and published ports. Answers as soon as they are its own; interfaces, names and ports
   * are in force when `establish` resolves. Where that fails, the caller releases. Fails with `failed-precondition` for a port that
   * is taken, naming the port and, where it can be known, the owner (container or process), or an address that is; with
   * `resource-exhausted` when no address is left; `not-found` for a network; then nothing is left behind.
   */
  reserve(request: SandboxRequest): Promise<Reservation>;
  /** What reserve gave and attach and detach have changed, or null. Survives restarts of the engine. */
  find(container: string): Sandbox | null;
  /** Takes everything away again. A success if there is nothing. */
  release(container: string): Promise<void>;
  /** Puts a container that runs on one more network. `already-exists` where it is there; `failed-precondition` for the host's own netns. */
  attach(container: string, endpoint: EndpointRequest): Promise<Endpoint>;
  /** The reverse. `failed-precondition` where it is not on it. force: a failure on the way only shows in the log. */
  detach(container: string, network: string, options: { readonly force: boolean }): Promise<void>;
  /** A container that runs got another name: others find it by that one from now on. */
  rename(container: string, name: string): void;

  /** In the order they were made. */
  list(): readonly NetworkSummary[];
  get(network: string): Network;
  /** Refuses, before a container is made, settings that this network cannot fulfil: `invalid-argument`. */
  check(endpoint: EndpointRequest): void;
  /** `already-exists`: name taken. `failed-precondition`: the subnet overlaps another network or a route of the host. */
  create(request: CreateNetworkRequest): Promise<{ id: string; warnings: string[] }>;
  /** `failed-precondition` while a container is on it, or for `bridge`, `host`, `none`. */
  remove(network: string): Promise<{ id: string }>;
  prune(filter: PruneFilter): Promise<{ id: string; name: string }[]>;
  /** docker's inspect JSON. */
  inspect(network: string): Record<string, unknown>;

  /** At start: puts back bridges, links, rules, ports and names of these containers, drops all others'. */
  restore(containers: readonly string[]): Promise<void>;
  /** The same for all containers on record: after a firewall was reloaded. */
  reload(): Promise<void>;
  /** Looks whether interfaces, namespaces and rules are as records say. */
  fsck(repair: boolean): Promise<FsckFinding[]>;
  /** Called after networks or who is on them changed, not more often than a screen can show. */
  onChange(listener: () => void): () => void;
  /** Removes bridges, table, namespaces and resolver of this engine: for purge. */
  removeAll(): Promise<void>;
}
