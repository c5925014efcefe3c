/** The database on a disk that has blocks for a part of a page of memory only: ext4 has blocks of 1 kB where it is small. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openDatabase } from "../../engine/database/database.ts";

let directory: string;
let disk: string;

beforeAll(() => {
  directory = mkdtempSync("/tmp/gantry-test-");
  disk = join(directory, "disk");
  mkdirSync(disk);
  execFileSync("truncate", ["-s", "20M", `${disk}.ext4`]);
  execFileSync("mkfs.ext4", ["-q", "-b", "1024", "-O", "^has_journal", `${disk}.ext4`]);
  execFileSync("mount", ["-o", "loop", `${disk}.ext4`, disk]);
});
afterAll(() => {
  spawnSync("umount", [disk]);
  rmSync(directory, { recursive: true, force: true });
});

const source = new URL("../../engine/database/database.ts", import.meta.url).href;
/** Opens it as an engine does, in a process that may die of it. */
const use = (then: string) =>
  spawnSync(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `const { openDatabase } = await import(${JSON.stringify(source)});
       const database = openDatabase(${JSON.stringify(join(disk, "gantry.db"))}); ${then}`,
    ],
    { encoding: "utf8" },
  );

it("is opened after a kill on a disk with a few blocks left, and not the end of the engine", () => {
  const killed = use(
    "database.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)'); process.kill(process.pid, 'SIGKILL')",
  );
  expect(killed.signal).toBe("SIGKILL");
  rmSync(join(disk, "gantry.db-shm"), { force: true });
  rmSync(join(disk, "gantry.db.reserve"), { force: true });
  const fill = (file: string, ...args: string[]) =>
    spawnSync("dd", ["if=/dev/zero", `of=${join(disk, file)}`, "bs=1k", ...args], { stdio: "ignore" });
  fill("small", "count=11");
  fill("filler");
  rmSync(join(disk, "small"));
  const again = use("console.log(database.prepare('SELECT x FROM t').get().x)");
  expect(again).toMatchObject({ status: 0, signal: null, stdout: "1\n" });
});

it("has no other file than its own and its log, and is nobody else's meanwhile", () => {
  const path = join(directory, "own.db");
  const database = openDatabase(path);
  database.exec("CREATE TABLE t (x)");
  expect(readdirSync(directory).filter((name) => name.startsWith("own.db") && !name.endsWith(".reserve"))).toEqual([
    "own.db",
    "own.db-wal",
  ]);
  const script = `const { DatabaseSync } = require("node:sqlite"); new DatabaseSync(${JSON.stringify(path)}).prepare("SELECT * FROM t").all()`;
  expect(spawnSync(process.execPath, ["-e", script], { encoding: "utf8" }).stderr).toContain("database is locked");
  database.close();
  expect(spawnSync(process.execPath, ["-e", script]).status).toBe(0);
});
