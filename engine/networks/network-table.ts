import { randomBytes } from "node:crypto";
import * as z from "zod/mini";
import type { Database } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import { type NetworkDetail, type NetworkRecord, networkDetail } from "./network-record.ts";
import type { Network } from "./network-service.ts";

const networkRow = z.object({
  id: z.string(),
  name: z.string(),
  driver: z.enum(["bridge", "macvlan", "ipvlan", "host", "null"]),
  created_at: z.string(),
  detail: z.string(),
});

/** The networks there are; the database owns them, a mirror answers. `bridge`, `host` and `none` are made where they lack. */
export class NetworkTable {
  readonly #database: Database;
  readonly #mirror = new Map<string, NetworkRecord>();

  constructor(database: Database) {
    this.#database = database;
    for (const row of database.prepare("SELECT * FROM networks ORDER BY created_at, rowid").all()) {
      const record = toRecord(row);
      this.#mirror.set(record.id, record);
    }
    const drivers = { bridge: "bridge", host: "host", none: "null" } as const;
    for (const [name, driver] of Object.entries(drivers)) {
      if (this.findByName(name) === null)
        this.insert({ ...emptyNetwork, id: createID(), name, driver, createdAt: now() });
    }
  }

  /** In the order they were made. */
  list(): NetworkRecord[] {
    return [...this.#mirror.values()];
  }

  find(id: string): NetworkRecord | null {
    return this.#mirror.get(id) ?? null;
  }

  findByName(name: string): NetworkRecord | null {
    return this.list().find((network) => network.name === name) ?? null;
  }

  /** By id, name or a unique prefix of an id, in this order. `default` is docker's word for `bridge`. */
  get(network: string): NetworkRecord {
    const exact = this.find(network) ?? this.findByName(network === "default" ? "bridge" : network);
    if (exact !== null) return exact;
    const matches = /^[0-9a-f]+$/.test(network) ? this.list().filter(({ id }) => id.startsWith(network)) : [];
    if (matches.length > 1) {
      throw new EngineError("invalid-argument", `network id ${network} is ambiguous: ${matches.length} begin with it`, {
        hint: "give more digits, or the name",
      });
    }
    if (matches[0] !== undefined) return matches[0];
    throw new EngineError("not-found", `network ${JSON.stringify(network).slice(1, -1)} not found`, {
      hint: "gantry network ls lists all networks",
      exitCode: 125,
    });
  }

  /** Fails with `already-exists` where the name is taken. */
  insert(record: NetworkRecord): void {
    refuseTaken(record.name, this.list());
    this.#database
      .prepare("INSERT INTO networks (id, name, driver, created_at, detail) VALUES (?, ?, ?, ?, ?)")
      .run(record.id, record.name, record.driver, record.createdAt, formatDetail(record));
    this.#mirror.set(record.id, record);
  }

  /** A success if it is gone. */
  delete(id: string): void {
    this.#database.prepare("DELETE FROM networks WHERE id = ?").run(id);
    this.#mirror.delete(id);
  }

  /** For the default bridge, whose subnet is settled at the engine's start. */
  updateSubnets(id: string, subnets: Network["subnets"]): NetworkRecord {
    const record = { ...this.get(id), subnets };
    this.#database.prepare("UPDATE networks SET detail = ? WHERE id = ?").run(formatDetail(record), id);
    this.#mirror.set(id, record);
    return record;
  }
}

/** Fails with `already-exists`. */
export function refuseTaken(name: string, networks: readonly NetworkRecord[]): void {
  if (!networks.some((network) => network.name === name)) return;
  throw new EngineError("already-exists", `network with name ${name} already exists`, {
    hint: "choose another name, or remove that network",
    exitCode: 1,
  });
}

export function createID(): string {
  return randomBytes(32).toString("hex");
}

const emptyNetwork = {
  subnets: [],
  internal: false,
  enableIPv6: false,
  labels: {},
  options: {},
  hasOwnSubnet: false,
  attachable: false,
  ipamOptions: {},
};

function now(): string {
  return new Date().toISOString();
}

function toRecord(row: unknown): NetworkRecord {
  const { id, name, driver, created_at: createdAt, detail } = z.parse(networkRow, row);
  return { id, name, driver, createdAt, ...z.parse(networkDetail, JSON.parse(detail)) };
}

function formatDetail(record: NetworkRecord): string {
  const { subnets, internal, enableIPv6, labels, options, hasOwnSubnet, attachable, ipamOptions } = record;
  const flags = { internal, enableIPv6, hasOwnSubnet, attachable };
  const detail: NetworkDetail = { subnets: [...subnets], labels, options, ipamOptions, ...flags };
  return JSON.stringify(detail);
}
