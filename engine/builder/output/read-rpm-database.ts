import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EngineError } from "../../errors.ts";
import { type FoundPackage, packageLimit } from "./found-package.ts";
import { parseRpmHeader } from "./parse-rpm-header.ts";

/** Packages of rpm's SQLite database, from a copy of it in `scratch`. Fails as SQLite does, or with `corrupt`. */
export function readRpmDatabase(
  files: { readonly database: Buffer; readonly log: Buffer | null },
  scratch: string,
  source: string,
): FoundPackage[] {
  const directory = mkdtempSync(join(scratch, "rpm-"));
  try {
    const path = join(directory, "rpmdb.sqlite");
    writeFileSync(path, files.database);
    if (files.log !== null) writeFileSync(`${path}-wal`, files.log);
    // A hostile schema must not run anything (https://www.sqlite.org/security.html).
    const database = new DatabaseSync(path, { allowExtension: false });
    try {
      database.exec("PRAGMA trusted_schema = OFF");
      // A view, or a table of a module, may be made to compute for ever.
      const made = database.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'Packages'").get();
      if (!/^CREATE TABLE/i.test(String(made?.sql))) throw new EngineError("corrupt", "it has no table of packages");
      const rows = database.prepare(`SELECT blob FROM Packages LIMIT ${packageLimit + 1}`).all();
      return rows.flatMap(({ blob }) => (blob instanceof Uint8Array ? (parseRpmHeader(blob, source) ?? []) : []));
    } finally {
      database.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
