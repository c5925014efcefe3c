import { DatabaseSync } from "node:sqlite";
import { EngineError, messageOf } from "../errors.ts";

/**
 * Holds a lock on a file until disposed or until the process ends, however it ends. It is SQLite's own lock on an empty database:
 * Node has no flock(2), and a POSIX lock, unlike flock, is not passed on to children. Null where another process holds it.
 */
export function tryLock(path: string): Disposable | null {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === sqliteBusy) return null;
    throw new EngineError("internal", `lock ${path}: ${messageOf(error)}`, { cause: error });
  }
  const held = database;
  return { [Symbol.dispose]: () => held.close() };
}

const sqliteBusy = 5;
