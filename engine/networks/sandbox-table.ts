import * as z from "zod/mini";
import { type Database, transact } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import { endpointSettings } from "../protocol/create-request.ts";
import { type PortBinding, portBinding } from "../protocol/ports.ts";

/** A row of `network_endpoints`. */
export type EndpointRecord = {
  readonly networkID: string;
  readonly endpointID: string;
  /** 0 was the first; the lowest that can gives the default route. */
  readonly position: number;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  /** Null: as macAddressOf says. */
  readonly mac: string | null;
  /** End of the name of the veth pair's host end; null for macvlan and ipvlan. */
  readonly link: string | null;
  /** Inside: eth0, eth1, … */
  readonly interface: string;
  /** As asked. */
  readonly settings: z.infer<typeof endpointSettings>;
};

/** A row of `sandboxes` with its rows of `network_endpoints` and `published_ports`. */
export type SandboxRecord = {
  readonly container: string;
  /** Sandbox token, or null: the host's netns, or another container's. */
  readonly token: string | null;
  /** As SandboxRequest.mode. */
  readonly mode: string;
  readonly name: string;
  readonly hostname: string;
  /** `--dns` */
  readonly dns: readonly string[];
  /** As SandboxRequest.isTransient: in no table of the database. */
  readonly isTransient?: boolean;
  /** In the order they were asked for. */
  readonly ports: readonly PortBinding[];
  /** By position. */
  readonly endpoints: readonly EndpointRecord[];
};

const sandboxRow = z.object({ container_id: z.string(), token: z.nullable(z.string()), detail: z.string() });
const sandboxDetail = z.object({
  mode: z.string(),
  name: z.string(),
  hostname: z.string(),
  dns: z.array(z.string()),
  ports: z.array(portBinding),
});
const endpointRow = z.object({
  container_id: z.string(),
  network_id: z.string(),
  ipv4_address: z.nullable(z.string()),
  ipv6_address: z.nullable(z.string()),
  detail: z.string(),
});
const endpointDetail = z.object({
  endpointID: z.string(),
  position: z.number(),
  link: z.nullable(z.string()),
  interface: z.string(),
  mac: z.nullable(z.string()),
  settings: endpointSettings,
});
const claimRow = z.object({ host_address: z.string(), container_id: z.string(), name: z.nullable(z.string()) });

/**
 * Who has which netns, address and host port: the only truth about all three. The database owns them; a mirror in memory answers, so that
 * no list waits. Written without waiting for the disk: a host that went down has no sandbox left, whatever is on record.
 */
export class SandboxTable {
  readonly #database: Database;
  readonly #mirror = new Map<string, SandboxRecord>();

  constructor(database: Database) {
    this.#database = database;
    const endpoints = Map.groupBy(
      database.prepare("SELECT * FROM network_endpoints").all().map(toEndpoint),
      ([id]) => id,
    );
    for (const row of database.prepare("SELECT * FROM sandboxes ORDER BY rowid").all()) {
      const { container_id: container, token, detail } = z.parse(sandboxRow, row);
      const own = (endpoints.get(container) ?? []).map(([, endpoint]) => endpoint);
      own.sort((one, other) => one.position - other.position);
      this.#mirror.set(container, {
        container,
        token,
        ...z.parse(sandboxDetail, JSON.parse(detail)),
        endpoints: own,
      });
    }
  }

  list(): SandboxRecord[] {
    return [...this.#mirror.values()];
  }

  /** Without transient ones. */
  listLasting(): SandboxRecord[] {
    return this.list().filter(({ isTransient }) => isTransient !== true);
  }

  find(container: string): SandboxRecord | null {
    return this.#mirror.get(container) ?? null;
  }

  /** Fails with `already-exists` where the container has a sandbox, or someone else an address or a port. */
  insert(record: SandboxRecord): void {
    if (record.isTransient === true) this.#checkNetworks(record);
    else this.#persist(record);
    this.#mirror.set(record.container, record);
  }

  /** What the database itself refuses for others. */
  #checkNetworks({ endpoints }: SandboxRecord): void {
    const find = this.#database.prepare("SELECT 1 FROM networks WHERE id = ?");
    if (endpoints.some(({ networkID }) => find.get(networkID) === undefined)) throw networkGone(null);
  }

  #persist(record: SandboxRecord): void {
    this.#claim(() => {
      this.#database
        .prepare("INSERT INTO sandboxes (container_id, token, detail) VALUES (?, ?, ?)")
        .run(record.container, record.token, formatSandbox(record));
      for (const endpoint of record.endpoints) this.#insertEndpoint(record.container, endpoint);
      const port = this.#database.prepare(
        "INSERT INTO published_ports (protocol, host_address, host_port, container_id, container_port) VALUES (?, ?, ?, ?, ?)",
      );
      for (const { protocol, hostAddress, hostPort, containerPort } of record.ports) {
        port.run(protocol, hostAddress, hostPort, record.container, containerPort);
      }
    });
  }

  /** The same with one more endpoint. */
  addEndpoint(container: string, endpoint: EndpointRecord): SandboxRecord {
    const before = this.#existing(container);
    this.#claim(() => this.#insertEndpoint(container, endpoint));
    return this.#remember({ ...before, endpoints: [...before.endpoints, endpoint] });
  }

  removeEndpoint(container: string, networkID: string): SandboxRecord {
    const before = this.#existing(container);
    this.#writeLater(() => {
      this.#database
        .prepare("DELETE FROM network_endpoints WHERE container_id = ? AND network_id = ?")
        .run(container, networkID);
    });
    return this.#remember({ ...before, endpoints: before.endpoints.filter((one) => one.networkID !== networkID) });
  }

  rename(container: string, name: string): SandboxRecord {
    const after = { ...this.#existing(container), name };
    this.#writeLater(() => {
      this.#database
        .prepare("UPDATE sandboxes SET detail = ? WHERE container_id = ?")
        .run(formatSandbox(after), container);
    });
    return this.#remember(after);
  }

  remove(containers: readonly string[]): void {
    const written = containers.filter((container) => this.#mirror.get(container)?.isTransient !== true);
    if (written.length > 0) this.#erase(written);
    for (const container of containers) this.#mirror.delete(container);
  }

  #erase(containers: readonly string[]): void {
    const tables = ["published_ports", "network_endpoints", "sandboxes"];
    const statements = tables.map((table) => this.#database.prepare(`DELETE FROM ${table} WHERE container_id = ?`));
    this.#writeLater(() => {
      for (const container of containers) for (const statement of statements) statement.run(container);
    });
  }

  /** The container whose published port stands in the way of this one, or null. All addresses of a family clash with each single one. */
  findClaim(protocol: string, hostAddress: string, hostPort: number): { id: string; name: string | null } | null {
    const rows = this.#database
      .prepare(
        `SELECT host_address, container_id, name FROM published_ports LEFT JOIN containers ON containers.id = container_id
         WHERE protocol = ? AND host_port = ?`,
      )
      .all(protocol, hostPort)
      .map((row) => z.parse(claimRow, row));
    const claim = rows.find(({ host_address: address }) => addressesClash(address, hostAddress));
    return claim === undefined ? null : { id: claim.container_id, name: claim.name };
  }

  #insertEndpoint(container: string, endpoint: EndpointRecord): void {
    const { networkID, ipv4, ipv6, ...detail } = endpoint;
    this.#database
      .prepare(
        "INSERT INTO network_endpoints (container_id, network_id, ipv4_address, ipv6_address, detail) VALUES (?, ?, ?, ?, ?)",
      )
      .run(container, networkID, ipv4, ipv6, JSON.stringify(detail));
  }

  #claim(work: () => void): void {
    try {
      this.#writeLater(work);
    } catch (error) {
      const said = error instanceof Error ? error.message : "";
      if (said.includes("FOREIGN KEY")) throw networkGone(error);
      const isTaken = said.includes("UNIQUE");
      throw isTaken ? new EngineError("already-exists", "address or port is leased already", { cause: error }) : error;
    }
  }

  #writeLater(work: () => void): void {
    this.#database.persistLater(() => transact(this.#database, work));
  }

  #existing(container: string): SandboxRecord {
    const record = this.#mirror.get(container);
    if (record !== undefined) return record;
    throw new EngineError("failed-precondition", `container ${container.slice(0, 12)} is not running`);
  }

  #remember(record: SandboxRecord): SandboxRecord {
    this.#mirror.set(record.container, record);
    return record;
  }
}

function networkGone(cause: unknown): EngineError {
  const hint = "gantry network ls lists all networks";
  return new EngineError("not-found", "the network was removed a moment ago", { cause, hint, exitCode: 125 });
}

export const anyAddress = "0.0.0.0";
export const anyAddress6 = "::";

export function addressesClash(one: string, other: string): boolean {
  if (one.includes(":") !== other.includes(":")) return false;
  const isAny = (address: string) => address === anyAddress || address === anyAddress6;
  return one === other || isAny(one) || isAny(other);
}

function toEndpoint(row: unknown): [container: string, endpoint: EndpointRecord] {
  const parsed = z.parse(endpointRow, row);
  const detail = z.parse(endpointDetail, JSON.parse(parsed.detail));
  return [
    parsed.container_id,
    { ...detail, networkID: parsed.network_id, ipv4: parsed.ipv4_address, ipv6: parsed.ipv6_address },
  ];
}

function formatSandbox({ mode, name, hostname, dns, ports }: SandboxRecord): string {
  return JSON.stringify({ mode, name, hostname, dns, ports });
}
