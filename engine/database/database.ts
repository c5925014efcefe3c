import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { EngineError, messageOf } from "../errors.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { LogFlusher } from "./log-flusher.ts";
import { migrations } from "./schema.ts";

/** https://www.sqlite.org/rescode.html */
const sqliteFull = 13;

/**
 * The engine's only database. Statements are synchronous and short: a commit in WAL mode costs one fsync. On a full disk it goes on with
 * what it has put aside; only when that is spent, too, statements fail with `resource-exhausted`.
 */
export class Database extends DatabaseSync {
  readonly #reserve: DiskReserve;
  readonly #log: LogFlusher;

  constructor(path: string) {
    super(exclusive(path));
    this.#reserve = new DiskReserve(`${path}.reserve`);
    this.#log = new LogFlusher(`${path}-wal`);
  }

  override prepare(sql: string): StatementSync {
    const statement = super.prepare(sql);
    const run = statement.run.bind(statement) as (...parameters: unknown[]) => ReturnType<StatementSync["run"]>;
    statement.run = (...parameters: unknown[]) => this.persist(() => run(...parameters));
    return statement;
  }

  /** Runs what writes; once more where the disk was full and the reserve is free now. A transaction is repeated as a whole. */
  persist<T>(work: () => T): T {
    if (this.isTransaction) return work();
    try {
      const result = work();
      this.#reserve.hold();
      return result;
    } catch (error) {
      if (!isFull(error)) throw error;
      return this.#persistOnFullDisk(work);
    }
  }

  /**
   * The same without waiting for the disk: it survives the end of the engine, and a power cut from the next durable write or flush() on. For
   * what the next start would find out by itself, and for what is flushed before anybody is told of it.
   */
  persistLater<T>(work: () => T): T {
    if (this.isTransaction) return work();
    this.exec("PRAGMA synchronous = NORMAL");
    try {
      return this.persist(work);
    } finally {
      this.exec("PRAGMA synchronous = FULL");
    }
  }

  /** Resolves when all that was written before is on the disk. Others' statements run meanwhile. */
  async flush(): Promise<void> {
    try {
      await this.#log.flush();
    } catch (error) {
      throw new EngineError("internal", `write the engine's database: ${messageOf(error)}`, { cause: error });
    }
  }

  override close(): void {
    this.#log.close();
    super.close();
  }

  #persistOnFullDisk<T>(work: () => T): T {
    this.#reserve.release();
    try {
      // The log of changes begins anew in the blocks it has.
      this.exec("PRAGMA wal_checkpoint(RESTART)");
      return work();
    } catch (error) {
      throw isFull(error) ? diskFull(error) : error;
    }
  }
}

/**
 * The name by which connections of this process, and of no other, use a database (https://www.sqlite.org/vfs.html, `unix-excl`). The index
 * of its log is in our own memory then; as a mapped file it ends the process with SIGBUS where a full disk has blocks for a part of a page.
 */
export function exclusive(path: string): URL {
  const url = pathToFileURL(path);
  url.searchParams.set("vfs", "unix-excl");
  return url;
}

function isFull(error: unknown): boolean {
  return (error as { errcode?: number } | null)?.errcode === sqliteFull;
}

function diskFull(cause: unknown): EngineError {
  return new EngineError("resource-exhausted", "write the engine's database: no space left on the disk of its root", {
    cause,
    hint: "free some space on that disk",
  });
}

/**
 * Opens and migrates `path`. Fails with `failed-precondition` when a newer engine wrote it, `corrupt` when it is no database.
 */
export function openDatabase(path: string): Database {
  let database: Database;
  try {
    database = new Database(path);
    // FULL: a command that answered survives a power cut.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  } catch (error) {
    if (isFull(error)) throw diskFull(error);
    throw new EngineError("corrupt", `open database ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: "restore the file from a backup, or move it away to start empty",
    });
  }
  migrate(database, path);
  return database;
}

/** Runs `work`, which does nothing but statements, in one transaction; rolls back when it throws. */
export function transact<T>(database: Database, work: () => T): T {
  return database.persist(() => transactOnce(database, work));
}

function transactOnce<T>(database: Database, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function migrate(database: Database, path: string): void {
  const row = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (row.user_version > migrations.length) {
    throw new EngineError("failed-precondition", `database ${path} was written by a newer gantry`, {
      hint: "upgrade gantry, or use another --root",
    });
  }
  for (const [index, statements] of migrations.entries()) {
    if (index < row.user_version) continue;
    transact(database, () => {
      database.exec(statements);
      database.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
}
