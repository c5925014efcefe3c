import type { StatementSync } from "node:sqlite";
import { type Database, transact } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import { Listeners } from "../lib/listeners.ts";
import {
  formatDetail,
  parseUseRow,
  parseVolumeRow,
  type VolumeRecord,
  type VolumeRow,
  type VolumeStatus,
  type VolumeUse,
} from "./volume-record.ts";

/**
 * The records of volumes and of their uses. The database owns them; a mirror in memory answers all reads. Changes are told once a turn of
 * the event loop.
 */
export class VolumeTable {
  readonly #database: Database;
  readonly #records = new Map<string, VolumeRecord>();
  readonly #uses = new Map<string, Map<string, VolumeUse>>();
  readonly #byContainer = new Map<string, Set<string>>();
  readonly #listeners = new Listeners<void>();
  readonly #statements: Record<"insert" | "status" | "delete" | "use" | "filled" | "going" | "keep", StatementSync>;
  /** Rows that could not be read: left alone, and their names are taken. */
  readonly unreadable: readonly { readonly name: string; readonly error: unknown }[];
  #isTelling = false;

  constructor(database: Database) {
    this.#database = database;
    this.#statements = {
      insert: database.prepare(
        "INSERT INTO volumes (name, driver, created_at, anonymous, status, detail) VALUES (?, ?, ?, ?, ?, ?)",
      ),
      status: database.prepare("UPDATE volumes SET status = ? WHERE name = ?"),
      delete: database.prepare("DELETE FROM volumes WHERE name = ?"),
      use: database.prepare(
        "INSERT INTO volume_uses (container_id, volume, by_name, made, unfilled, going) VALUES (?, ?, ?, ?, ?, 0)",
      ),
      filled: database.prepare("UPDATE volume_uses SET unfilled = 0 WHERE container_id = ?"),
      keep: database.prepare("UPDATE volume_uses SET made = 0 WHERE volume = ?"),
      going: database.prepare("UPDATE volume_uses SET going = 1 WHERE container_id = ? AND by_name = 0"),
    };
    const unreadable: { name: string; error: unknown }[] = [];
    for (const row of database.prepare("SELECT * FROM volumes").all()) {
      try {
        const record = parseVolumeRow(row as VolumeRow);
        this.#records.set(record.name, record);
      } catch (error) {
        unreadable.push({ name: String(row.name), error });
      }
    }
    for (const row of database.prepare("SELECT * FROM volume_uses").all())
      this.#remember(parseUseRow(row as VolumeRow));
    this.unreadable = unreadable;
  }

  /** By name. */
  all(): VolumeRecord[] {
    return [...this.#records.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  find(name: string): VolumeRecord | null {
    return this.#records.get(name) ?? null;
  }

  get(name: string): VolumeRecord {
    const record = this.#records.get(name);
    if (record !== undefined) return record;
    throw new EngineError("not-found", `no such volume: ${name}`, { hint: "gantry volume ls lists all volumes" });
  }

  isTaken(name: string): boolean {
    return this.#records.has(name) || this.unreadable.some((row) => row.name === name);
  }

  /** Uses of a volume. */
  usesOf(name: string): VolumeUse[] {
    return [...(this.#uses.get(name)?.values() ?? [])];
  }

  /** Uses that a container has. */
  usesBy(container: string): VolumeUse[] {
    const names = [...(this.#byContainer.get(container) ?? [])];
    return names.flatMap((name) => this.#uses.get(name)?.get(container) ?? []);
  }

  insert(record: VolumeRecord): void {
    this.#write(record);
    this.#records.set(record.name, record);
    this.touch();
  }

  /** Volumes, what `insert` writes, and uses of one container: all or nothing. */
  claim(records: readonly VolumeRecord[], uses: readonly VolumeUse[], insert: () => void): void {
    transact(this.#database, () => {
      for (const record of records) this.#write(record);
      insert();
      for (const { container, volume, isNamed, isMade, isUnfilled } of uses) {
        this.#statements.use.run(container, volume, Number(isNamed), Number(isMade), Number(isUnfilled));
      }
    });
    for (const record of records) this.#records.set(record.name, record);
    for (const use of uses) this.#remember(use);
    this.touch();
  }

  /** isLazy: for what the next start would find out by itself. */
  setStatus(name: string, status: VolumeStatus, isLazy = false): void {
    const record = this.get(name);
    const write = () => this.#statements.status.run(status, name);
    if (isLazy) this.#database.persistLater(write);
    else write();
    this.#records.set(name, { ...record, status });
    this.touch();
  }

  /** All or none. */
  markRemoving(names: readonly string[]): void {
    if (names.length === 0) return;
    transact(this.#database, () => {
      for (const name of names) this.#statements.status.run("removing", name);
    });
    for (const name of names) this.#records.set(name, { ...this.get(name), status: "removing" });
    this.touch();
  }

  /** Of one that was being removed: where the power fails, the next start does it again. */
  delete(name: string): void {
    this.#database.persistLater(() => this.#statements.delete.run(name));
    this.#records.delete(name);
    this.touch();
  }

  markFilled(container: string): void {
    const uses = this.usesBy(container).filter(({ isUnfilled }) => isUnfilled);
    if (uses.length === 0) return;
    this.#database.persistLater(() => this.#statements.filled.run(container));
    for (const use of uses) this.#remember({ ...use, isUnfilled: false });
  }

  /** It was not made for one container alone. */
  keep(name: string): void {
    const uses = this.usesOf(name).filter(({ isMade }) => isMade);
    if (uses.length === 0) return;
    this.#statements.keep.run(name);
    for (const use of uses) this.#remember({ ...use, isMade: false });
  }

  markGoing(container: string): void {
    const uses = this.usesBy(container).filter(({ isNamed, isGoing }) => !isNamed && !isGoing);
    if (uses.length === 0) return;
    this.#statements.going.run(container);
    for (const use of uses) this.#remember({ ...use, isGoing: true });
  }

  /** The container's record goes, and its uses with it (ON DELETE CASCADE); `doomed` are marked as being removed. */
  release(container: string, doomed: readonly string[], deleteRecord: () => void): void {
    if (doomed.length === 0) deleteRecord();
    else {
      transact(this.#database, () => {
        deleteRecord();
        for (const name of doomed) this.#statements.status.run("removing", name);
      });
    }
    for (const name of doomed) this.#records.set(name, { ...this.get(name), status: "removing" });
    for (const name of this.#byContainer.get(container) ?? []) this.#forget(name, container);
    if (this.#byContainer.delete(container)) this.touch();
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  touch(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => {
      this.#isTelling = false;
      this.#listeners.emit();
    });
  }

  #write(record: VolumeRecord): void {
    const { name, driver, createdAt, anonymous, status } = record;
    this.#statements.insert.run(name, driver, createdAt, Number(anonymous), status, formatDetail(record));
  }

  #remember(use: VolumeUse): void {
    const uses = this.#uses.get(use.volume) ?? new Map<string, VolumeUse>();
    uses.set(use.container, use);
    this.#uses.set(use.volume, uses);
    const names = this.#byContainer.get(use.container) ?? new Set<string>();
    names.add(use.volume);
    this.#byContainer.set(use.container, names);
  }

  #forget(name: string, container: string): void {
    const uses = this.#uses.get(name);
    uses?.delete(container);
    if (uses?.size === 0) this.#uses.delete(name);
  }
}
