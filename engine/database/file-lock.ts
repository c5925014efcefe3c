import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { EngineError, messageOf } from "../errors.ts";

/**
 * Holds a lock on a file until disposed or until the process ends, however it ends. It is SQLite's own lock on an empty database:
 * Node has no flock(2), and a POSIX lock, unlike flock, is not passed on to children. Null where another process holds it.
 * The file has mode 0600: whoever may read a file may take a shared lock on it (fcntl_locking(2)), and keep an engine from starting.
 */
export function tryLock(path: string): Disposable | null {
  let database: DatabaseSync | null = null;
  try {
    makePrivate(path);
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

function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, "ax", 0o600));
  } catch (error) {
    // Not opened where it is there already: closing it again would drop the locks that this process has on it.
    if ((error as NodeJS.ErrnoException).code === "EEXIST") chmodSync(path, 0o600);
  }
}
