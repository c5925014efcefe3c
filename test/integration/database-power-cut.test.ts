import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { type Database, openDatabase } from "../../engine/database/database.ts";

let directory = "";
const open: Database[] = [];
const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
const at = (name: string) => join(directory, name);

/** A disk of its own, whose bytes are a file: what has not been brought to it is not in there. */
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-power-"));
  for (const name of ["before", "after"]) mkdirSync(at(name));
  run("truncate", "-s", "64M", at("disk"));
  run("mkfs.ext4", "-q", "-F", at("disk"));
  run("mount", "-o", "loop", at("disk"), at("before"));
  return () => {
    for (const database of open.splice(0)) if (database.isOpen) database.close();
    for (const name of ["before", "after"]) {
      try {
        run("umount", at(name));
      } catch {
        // Not mounted.
      }
    }
    rmSync(directory, { recursive: true });
  };
});

function openIn(name: string): Database {
  const database = openDatabase(join(at(name), "gantry.db"));
  open.push(database);
  return database;
}

/** Keys that are there when the host comes up again after it lost its power now. */
function keysAfterPowerCut(): string[] {
  copyFileSync(at("disk"), at("copy"));
  run("mount", "-o", "loop", at("copy"), at("after"));
  const database = openIn("after");
  const rows = database.prepare("SELECT key FROM settings ORDER BY key").all();
  database.close();
  run("umount", at("after"));
  return rows.map(({ key }) => String(key));
}

const write = (database: Database, key: string) =>
  database.prepare("INSERT INTO settings (key, value) VALUES (?, 'x')").run(key);

it("keeps through a power cut what was flushed, as what was written durably, also in a log made anew", async () => {
  openIn("before").close();
  run("sync", "-f", at("before"));
  const database = openIn("before");
  database.persistLater(() => write(database, "a-flushed"));
  await database.flush();
  expect(keysAfterPowerCut()).toEqual(["a-flushed"]);
  write(database, "b-durable");
  expect(keysAfterPowerCut()).toEqual(["a-flushed", "b-durable"]);
  // Three at once, the last of them while the first sync is under way.
  database.persistLater(() => write(database, "c-flushed"));
  const first = database.flush();
  database.persistLater(() => write(database, "d-flushed"));
  await Promise.all([first, database.flush()]);
  expect(keysAfterPowerCut()).toEqual(["a-flushed", "b-durable", "c-flushed", "d-flushed"]);
  // The log begins anew in the blocks it has.
  database.exec("PRAGMA wal_checkpoint(RESTART)");
  database.persistLater(() => write(database, "e-flushed"));
  await database.flush();
  expect(keysAfterPowerCut().at(-1)).toBe("e-flushed");
});
