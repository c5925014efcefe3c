import * as z from "zod/mini";
import { type Database, transact } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import { parseSubnet, type Subnet } from "../lib/ipv4.ts";
import { type PortBinding, portBinding } from "../protocol/ports.ts";
import { anyAddress } from "./ruleset.ts";

/** A row of `endpoints` with its rows of `published_ports`. */
export type EndpointRecord = {
  readonly container: string;
  readonly network: "bridge" | "none" | "host";
  readonly ipAddress: string | null;
  /** Sandbox.token, or null for the host's own netns. */
  readonly token: string | null;
  /** In the order they were asked for. */
  readonly ports: readonly PortBinding[];
};

const networkName = z.enum(["bridge", "none", "host"]);
const detail = z.object({ token: z.nullable(z.string()), ports: z.array(portBinding) });
const endpointRow = z.object({
  container_id: z.string(),
  network: networkName,
  ip_address: z.nullable(z.string()),
  detail: z.string(),
});
const claimRow = z.object({ host_address: z.string(), container_id: z.string(), name: z.nullable(z.string()) });

const subnetKey = "network.subnet";

/** Who has which address and which host port: the only truth about both. */
export class EndpointTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  list(): EndpointRecord[] {
    return this.#database.prepare("SELECT * FROM endpoints").all().map(toRecord);
  }

  find(container: string): EndpointRecord | null {
    const row = this.#database.prepare("SELECT * FROM endpoints WHERE container_id = ?").get(container);
    return row === undefined ? null : toRecord(row);
  }

  /**
   * Durable only with what is written after it: a host that went down has no endpoint left, whatever is on record. Fails with
   * `already-exists` where the container has an endpoint, or someone else the address or a port.
   */
  insert(record: EndpointRecord): void {
    const endpoint = this.#database.prepare(
      "INSERT INTO endpoints (container_id, network, ip_address, detail) VALUES (?, ?, ?, ?)",
    );
    const port = this.#database.prepare(
      "INSERT INTO published_ports (protocol, host_address, host_port, container_id, container_port) VALUES (?, ?, ?, ?, ?)",
    );
    const text = JSON.stringify({ token: record.token, ports: record.ports });
    try {
      this.#writeLater(() => {
        endpoint.run(record.container, record.network, record.ipAddress, text);
        for (const binding of record.ports) {
          const { protocol, hostAddress, hostPort, containerPort } = binding;
          port.run(protocol, hostAddress, hostPort, record.container, containerPort);
        }
      });
    } catch (error) {
      const isTaken = error instanceof Error && error.message.includes("UNIQUE");
      throw isTaken ? new EngineError("already-exists", "address or port is leased already", { cause: error }) : error;
    }
  }

  remove(containers: readonly string[]): void {
    const endpoint = this.#database.prepare("DELETE FROM endpoints WHERE container_id = ?");
    const ports = this.#database.prepare("DELETE FROM published_ports WHERE container_id = ?");
    this.#writeLater(() => {
      for (const container of containers) {
        ports.run(container);
        endpoint.run(container);
      }
    });
  }

  #writeLater(work: () => void): void {
    this.#database.persistLater(() => transact(this.#database, work));
  }

  /** The container whose published port stands in the way of this one, or null. All addresses clash with each single one. */
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

  findSubnet(): Subnet | null {
    const row = this.#database.prepare("SELECT value FROM settings WHERE key = ?").get(subnetKey);
    return typeof row?.value === "string" ? parseSubnet(row.value) : null;
  }

  saveSubnet(subnet: string): void {
    this.#database
      .prepare("INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
      .run(subnetKey, subnet);
  }
}

export function addressesClash(one: string, other: string): boolean {
  return one === other || one === anyAddress || other === anyAddress;
}

function toRecord(row: unknown): EndpointRecord {
  const parsed = z.parse(endpointRow, row);
  const { token, ports } = z.parse(detail, JSON.parse(parsed.detail));
  return { container: parsed.container_id, network: parsed.network, ipAddress: parsed.ip_address, token, ports };
}
