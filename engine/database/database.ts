import { DatabaseSync } from "node:sqlite";
import { EngineError, messageOf } from "../errors.ts";
import { migrations } from "./schema.ts";

/** The engine's only database. Statements are synchronous and short: a commit in WAL mode costs one fsync. */
export type Database = DatabaseSync & Disposable;

/**
 * Opens and migrates `path`. Fails with `failed-precondition` when a newer engine wrote it, `corrupt` when it is no database.
 */
export function openDatabase(path: string): Database {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path);
    // FULL: a command that answered survives a power cut.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  } catch (error) {
    throw new EngineError("corrupt", `open database ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: "restore the file from a backup, or move it away to start empty",
    });
  }
  migrate(database, path);
  return database;
}

/** Runs `work` in one transaction; rolls back when it throws. */
export function transact<T>(database: DatabaseSync, work: () => T): T {
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

function migrate(database: DatabaseSync, path: string): void {
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
