/** A migration that does not come to its end leaves the database as it was. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { openDatabase } from "../../engine/database/database.ts";
import { migrations } from "../../engine/database/schema.ts";
import { createOlderDatabase } from "../support/older-database.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

const source = new URL("../../engine/database/database.ts", import.meta.url).href;

/** A database of version 2 with so many containers that its migration takes a while. */
function fill(path: string, containers: number): void {
  const database = createOlderDatabase(path);
  database.exec("BEGIN; INSERT INTO images VALUES ('sha256:i', NULL, 'now', 'amd64', 'linux', 'now')");
  const container = database.prepare(
    "INSERT INTO containers VALUES (?, ?, 'sha256:i', 'now', ?, '{\"status\":\"running\"}')",
  );
  const endpoint = database.prepare("INSERT INTO endpoints VALUES (?, 'bridge', ?, ?)");
  for (let number = 0; number < containers; number++) {
    const id = number.toString(16).padStart(64, "0");
    container.run(id, `c-${number}`, JSON.stringify({ request: { environment: ["x".repeat(100)] } }));
    endpoint.run(
      id,
      `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
      JSON.stringify({ token: id.slice(-8), ports: [] }),
    );
  }
  database.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

/** Version, and everything in it. */
function contentOf(path: string): { version: number; tables: Record<string, unknown[]> } {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    const tables = Object.fromEntries(
      names.map(({ name }) => [String(name), database.prepare(`SELECT * FROM ${name}`).all()]),
    );
    const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
    return { version, tables };
  } finally {
    database.close();
  }
}

function migrated(path: string, containers: number): void {
  openDatabase(path).close();
  const { version, tables } = contentOf(path);
  expect(version).toBe(migrations.length);
  expect(tables.containers).toHaveLength(containers);
  expect(tables.network_endpoints).toHaveLength(containers);
}

it.each(migrations.slice(2).map((_statements, index) => index + 2))(
  "is undone where a statement of version %i + 1 fails",
  async (index) => {
    await using root = await tempRoot();
    const path = root.join("gantry.db");
    fill(path, 20);
    // What the last table of this version is called is taken.
    const table = [...(migrations[index] ?? "").matchAll(/CREATE (?:TABLE|INDEX) (\w+)/g)].at(-1)?.[1];
    const spoilt = new DatabaseSync(path);
    spoilt.exec(`CREATE VIEW ${table} AS SELECT 1`);
    spoilt.close();
    const before = contentOf(path);
    expect(() => openDatabase(path)).toThrow(/already (exists|another)|there is already/);
    const after = contentOf(path);
    expect(after.version).toBe(index);
    expect(after.tables.containers).toEqual(before.tables.containers);
    if (index === 2) expect(after).toEqual(before);
    // Once more: the same.
    expect(() => openDatabase(path)).toThrow();
    expect(contentOf(path)).toEqual(after);
    const mended = new DatabaseSync(path);
    mended.exec(`DROP VIEW ${table}`);
    mended.close();
    migrated(path, 20);
  },
);

it("is whole, old or new, when the engine is killed at any moment of it", async () => {
  await using root = await tempRoot();
  const [original, path] = [root.join("original.db"), root.join("gantry.db")];
  fill(original, 8000);
  const before = contentOf(original);
  const script = `const { openDatabase } = await import(${JSON.stringify(source)}); console.log("begin"); openDatabase(${JSON.stringify(path)}); console.log("end"); setInterval(() => {}, 1000)`;
  const versions = new Set<number>();
  for (const delay of [0, 5, 15, 25, 35, 50, 70, 90, 120, 160, 220]) {
    for (const end of ["", "-wal", "-shm", ".reserve"]) rmSync(`${path}${end}`, { force: true });
    copyFileSync(original, path);
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await sleep(delay);
    child.kill("SIGKILL");
    await once(child, "exit");
    const { version, tables } = contentOf(path);
    versions.add(version);
    expect(tables.containers).toEqual(before.tables.containers);
    if (version === 2) expect(tables).toEqual(before.tables);
    migrated(path, 8000);
  }
  expect(versions.has(2)).toBe(true);
  expect(versions.has(migrations.length)).toBe(true);
}, 60_000);

/** Leaves so many bytes free. */
function leave(files: TempRoot, bytes: number): void {
  const { bavail, bsize } = statfsSync(files.path);
  writeFileSync(files.join("filler"), Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
}

it("is undone where the disk is full, and succeeds when there is room again", async () => {
  await using files = await tempRoot();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "chaos", files.path]);
  const path = files.join("gantry.db");
  fill(path, 8000);
  const before = contentOf(path);
  const bytes = readFileSync(path);
  for (const free of [0, 40_000, 400_000, 1_500_000]) {
    leave(files, free);
    expect(() => openDatabase(path)).toThrow(/no space left|full|disk I\/O error|unable to open/);
    rmSync(files.join("filler"));
    // Nothing of the file itself was touched, and what lies beside it says nothing else.
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(contentOf(path)).toEqual(before);
  }
  migrated(path, 8000);
  expect(statSync(path).size).toBeGreaterThan(0);
});
