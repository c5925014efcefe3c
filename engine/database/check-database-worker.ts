import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../errors.ts";
import type { DatabaseReport, LostParent } from "./check-database.ts";
import { exclusive } from "./database.ts";

parentPort?.postMessage(check(String(workerData)));

function check(path: string): DatabaseReport {
  try {
    using database = new DatabaseSync(exclusive(path), { readOnly: true });
    const lines = database
      .prepare("PRAGMA integrity_check(20)")
      .all()
      .map((row) => String(row.integrity_check));
    const lostParents = database.prepare("PRAGMA foreign_key_check").all().map(lostParentOf);
    return { damage: lines.filter((line) => line !== "ok"), lostParents };
  } catch (error) {
    return { damage: [messageOf(error)], lostParents: [] };
  }
}

function lostParentOf(row: Record<string, unknown>): LostParent {
  const { rowid } = row;
  return { table: String(row.table), rowid: typeof rowid === "number" ? rowid : null, parent: String(row.parent) };
}
