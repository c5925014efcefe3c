import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** What an engine that runs has in its database, which it has for itself: a copy of the file and its log, gone when it is disposed of. */
export function openDatabaseCopy(path: string): { readonly database: DatabaseSync } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), "gantry-test-db-"));
  const copy = join(directory, "gantry.db");
  try {
    while (!copyWhole(path, copy));
    const database = new DatabaseSync(copy);
    return {
      database,
      [Symbol.dispose]: () => {
        database.close();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** False: somebody wrote meanwhile. */
function copyWhole(path: string, copy: string): boolean {
  const files = [path, `${path}-wal`];
  const before = files.map(stateOf);
  rmSync(`${copy}-wal`, { force: true });
  for (const file of files) if (existsSync(file)) copyFileSync(file, `${copy}${file.slice(path.length)}`);
  return files.map(stateOf).join() === before.join();
}

function stateOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return `${found?.size} ${found?.mtimeNs}`;
}
