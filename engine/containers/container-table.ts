import type { StatementSync } from "node:sqlite";
import type { Database } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import { Listeners } from "../lib/listeners.ts";
import {
  type ContainerRecord,
  type ContainerRow,
  type ContainerState,
  formatRow,
  parseRow,
} from "./container-record.ts";
import { checkMove, isAlive } from "./container-status.ts";

/**
 * The records. The database owns them; a mirror in memory answers all reads, so that no list ever waits. Changes are told in
 * batches, one a turn of the event loop.
 */
export class ContainerTable {
  readonly #mirror = new Map<string, ContainerRecord>();
  readonly #names = new Map<string, string>();
  readonly #listeners = new Listeners<readonly string[]>();
  readonly #database: Database;
  readonly #insert: StatementSync;
  readonly #updateState: StatementSync;
  readonly #updateRequest: StatementSync;
  readonly #updateName: StatementSync;
  readonly #delete: StatementSync;
  /** Rows that could not be read: left alone, told to the log by the caller. */
  readonly unreadable: readonly { readonly id: string; readonly error: unknown }[];
  readonly #touchListeners = new Listeners<string>();
  #changed = new Set<string>();
  #sorted: readonly ContainerRecord[] | null = null;

  constructor(database: Database) {
    this.#database = database;
    this.#insert = database.prepare(
      "INSERT INTO containers (id, name, image_id, created_at, request, state) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#updateState = database.prepare("UPDATE containers SET state = ? WHERE id = ?");
    this.#updateRequest = database.prepare("UPDATE containers SET request = ?, state = ? WHERE id = ?");
    this.#updateName = database.prepare("UPDATE containers SET name = ? WHERE id = ?");
    this.#delete = database.prepare("DELETE FROM containers WHERE id = ?");
    const unreadable: { id: string; error: unknown }[] = [];
    for (const row of database.prepare("SELECT * FROM containers").all()) {
      try {
        this.#remember(parseRow(row as ContainerRow));
      } catch (error) {
        unreadable.push({ id: String(row.id), error });
      }
    }
    this.unreadable = unreadable;
  }

  /** Newest first. */
  all(): readonly ContainerRecord[] {
    this.#sorted ??= [...this.#mirror.values()].sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1));
    return this.#sorted;
  }

  /** By exact id. */
  find(id: string): ContainerRecord | null {
    return this.#mirror.get(id) ?? null;
  }

  /** By what a person types: id, name (docker writes it with a slash), or a unique prefix of an id. */
  get(container: string): ContainerRecord {
    const named = this.#names.get(container.startsWith("/") ? container.slice(1) : container);
    const exact = this.#mirror.get(container) ?? (named === undefined ? undefined : this.#mirror.get(named));
    if (exact !== undefined) return exact;
    const matches = /^[0-9a-f]+$/.test(container)
      ? [...this.#mirror.values()].filter(({ id }) => id.startsWith(container))
      : [];
    if (matches.length > 1) {
      throw new EngineError(
        "invalid-argument",
        `container id ${container} is ambiguous: ${matches.length} begin with it`,
        {
          hint: "give more digits, or the name",
        },
      );
    }
    const [match] = matches;
    if (match !== undefined) return match;
    throw new EngineError("not-found", `no such container: ${container}`, {
      hint: "gantry ps -a lists all containers",
    });
  }

  isNameTaken(name: string): boolean {
    return this.#names.has(name);
  }

  /** Fails with `already-exists` where the name is taken. within: calls what writes, in a transaction of its own. */
  insert(record: ContainerRecord, within: (write: () => void) => void = (write) => write()): void {
    this.#refuseTaken(record.name);
    const row = formatRow(record);
    within(() => void this.#insert.run(row.id, row.name, row.image_id, row.created_at, row.request, row.state));
    this.#remember(record);
    this.#touch(record.id);
  }

  /** The same for what settled() makes durable before anybody is told of it. */
  insertLater(record: ContainerRecord): void {
    this.insert(record, (write) => this.#database.persistLater(write));
  }

  /** Resolves when all records are on the disk as they are now. */
  settled(): Promise<void> {
    return this.#database.flush();
  }

  /** Durable when it returns, but for the end of a container that goes with it: the next start would remove it as well. */
  update(id: string, change: Partial<ContainerState>): ContainerRecord {
    const { request, state } = this.#existing(id);
    const goes = request.autoRemove && isAlive(state.status) && change.status === "removing";
    return this.#update(id, change, goes ? (write) => this.#database.persistLater(write) : (write) => write());
  }

  /** The same for what is of no weight after a power cut, or settled() follows: the disk is not waited for. */
  updateLater(id: string, change: Partial<ContainerState>): ContainerRecord {
    return this.#update(id, change, (write) => this.#database.persistLater(write));
  }

  /** Durable when it returns: what was asked for is another by now, together with a change of the state. */
  updateRequest(
    id: string,
    request: ContainerRecord["request"],
    change: Partial<ContainerState> = {},
  ): ContainerRecord {
    const before = this.#existing(id);
    const after: ContainerRecord = { ...before, request, state: { ...before.state, ...change } };
    checkMove(before.state.status, after.state.status);
    const row = formatRow(after);
    this.#updateRequest.run(row.request, row.state, id);
    this.#mirror.set(id, after);
    this.#touch(id);
    return after;
  }

  rename(id: string, name: string): ContainerRecord {
    const before = this.#existing(id);
    this.#refuseTaken(name);
    this.#updateName.run(name, id);
    this.#names.delete(before.name);
    const after = { ...before, name };
    this.#remember(after);
    this.#touch(id);
    return after;
  }

  /** within: see insert(). */
  delete(id: string, within: (write: () => void) => void = (write) => write()): void {
    const before = this.#mirror.get(id);
    const write = () => void this.#delete.run(id);
    // `removing` is on the disk: the next start would finish it.
    const isLazy = before?.state.status === "removing";
    within(isLazy ? () => this.#database.persistLater(write) : write);
    if (before === undefined) return;
    this.#mirror.delete(id);
    this.#names.delete(before.name);
    this.#touch(id);
  }

  onChange(listener: (ids: readonly string[]) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** At once, before the batch: what was made of a record is out of date. */
  onTouch(listener: (id: string) => void): () => void {
    return this.#touchListeners.add(listener);
  }

  /** For what a summary says beside the record, e.g. its ports. */
  touch(id: string): void {
    this.#touch(id);
  }

  #update(id: string, change: Partial<ContainerState>, persist: (write: () => unknown) => unknown): ContainerRecord {
    const before = this.#existing(id);
    const after: ContainerRecord = { ...before, state: { ...before.state, ...change } };
    checkMove(before.state.status, after.state.status);
    persist(() => this.#updateState.run(JSON.stringify(after.state), id));
    this.#mirror.set(id, after);
    this.#touch(id);
    return after;
  }

  #existing(id: string): ContainerRecord {
    const record = this.#mirror.get(id);
    if (record === undefined) throw new EngineError("not-found", `no such container: ${id}`);
    return record;
  }

  #refuseTaken(name: string): void {
    const owner = this.#names.get(name);
    if (owner === undefined) return;
    throw new EngineError("already-exists", `container name ${name} is in use by container ${owner.slice(0, 12)}`, {
      hint: `remove that container with: gantry rm ${name}; or choose another --name`,
      exitCode: 125,
    });
  }

  #remember(record: ContainerRecord): void {
    this.#mirror.set(record.id, record);
    this.#names.set(record.name, record.id);
  }

  #touch(id: string): void {
    this.#sorted = null;
    this.#touchListeners.emit(id);
    if (this.#changed.size === 0) {
      setImmediate(() => {
        const ids = [...this.#changed];
        this.#changed = new Set();
        this.#listeners.emit(ids);
      });
    }
    this.#changed.add(id);
  }
}
