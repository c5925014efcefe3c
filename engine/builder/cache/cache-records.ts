import type { Database } from "../../database/database.ts";
import { transact } from "../../database/database.ts";
import { findJson } from "../../lib/json.ts";
import { type DiffID, type Digest, isDiffID, isDigest } from "../../oci/digest.ts";

/** A row of the table build_cache. Times are RFC 3339 in the form of toISOString. */
export type CacheRow = {
  readonly key: Digest;
  readonly chain: readonly DiffID[];
  readonly size: number;
  readonly description: string;
  readonly createdAt: string;
  readonly addedAt: string;
  readonly lastUsedAt: string;
  readonly usageCount: number;
};

/**
 * SQL on the table build_cache; reads image_layers. What is lost by a power cut is made again: nothing here waits for the disk, and all of it
 * outlives the engine.
 */
export class CacheRecords {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A row that makes no sense is left out, and goes. */
  list(): CacheRow[] {
    const rows = this.#database.prepare("SELECT * FROM build_cache").all();
    const known = rows.map((row) => ({ row, read: rowOf(row) }));
    const broken = known.filter(({ read }) => read === null).map(({ row }) => String(row.key));
    if (broken.length > 0) this.remove(broken);
    return known.flatMap(({ read }) => read ?? []);
  }

  put(row: CacheRow): void {
    const { key, chain, size, description, createdAt, addedAt, lastUsedAt, usageCount } = row;
    const values = [key, JSON.stringify(chain), size, description, createdAt, addedAt, lastUsedAt, usageCount];
    const insert = "INSERT OR REPLACE INTO build_cache VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    this.#database.persistLater(() => this.#database.prepare(insert).run(...values));
  }

  touch(rows: readonly CacheRow[]): void {
    this.#all("UPDATE build_cache SET last_used_at = ?, usage_count = ? WHERE key = ?", rows, (row) => [
      row.lastUsedAt,
      row.usageCount,
      row.key,
    ]);
  }

  remove(keys: readonly string[]): void {
    this.#all("DELETE FROM build_cache WHERE key = ?", keys, (key) => [key]);
  }

  /** Layers that images have. */
  layersOfImages(): ReadonlySet<unknown> {
    const rows = this.#database.prepare("SELECT DISTINCT diff_id FROM image_layers").all();
    return new Set(rows.map((row) => row.diff_id));
  }

  #all<T>(sql: string, items: readonly T[], valuesOf: (item: T) => (string | number)[]): void {
    if (items.length === 0) return;
    this.#database.persistLater(() =>
      transact(this.#database, () => {
        const statement = this.#database.prepare(sql);
        for (const item of items) statement.run(...valuesOf(item));
      }),
    );
  }
}

function rowOf(row: Record<string, unknown>): CacheRow | null {
  const chain = findJson(String(row.chain));
  if (!isDigest(row.key) || !Array.isArray(chain) || !chain.every(isDiffID)) return null;
  return {
    key: row.key,
    chain,
    size: Number(row.size),
    description: String(row.description),
    createdAt: String(row.created_at),
    addedAt: String(row.added_at),
    lastUsedAt: String(row.last_used_at),
    usageCount: Number(row.usage_count),
  };
}
