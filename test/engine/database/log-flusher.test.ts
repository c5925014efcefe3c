import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { type Database, openDatabase } from "../../../engine/database/database.ts";
import { LogFlusher } from "../../../engine/database/log-flusher.ts";

let directory = "";
let database: Database;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-flush-"));
  database = openDatabase(join(directory, "gantry.db"));
  return () => {
    if (database.isOpen) database.close();
    rmSync(directory, { recursive: true });
  };
});

const write = (key: string) =>
  database.persistLater(() => database.prepare("INSERT INTO settings (key, value) VALUES (?, 'x')").run(key));

/** How many syncs of the log this process asks for during `work`. */
async function countSyncs(work: () => Promise<unknown>): Promise<number> {
  const output = join(directory, "trace");
  const strace = spawn("strace", ["-f", "-y", "-e", "trace=fdatasync", "-o", output, "-p", String(process.pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await once(strace.stderr, "data");
  strace.stderr.resume();
  await work();
  const ended = once(strace, "exit");
  strace.kill("SIGINT");
  await ended;
  return readFileSync(output, "utf8")
    .split("\n")
    .filter((line) => /fdatasync\(.*gantry\.db-wal>?/.test(line)).length;
}

it("syncs the log once for itself, and once more for all who came meanwhile", async () => {
  write("first");
  const syncs = await countSyncs(async () => {
    const first = database.flush();
    write("second");
    await Promise.all([first, database.flush(), database.flush(), database.flush()]);
  });
  expect(syncs).toBe(2);
});

it("has nothing to do where nothing was written", async () => {
  const flusher = new LogFlusher(join(directory, "no-such-log"));
  await flusher.flush();
  flusher.close();
});

it("holds no file when the database is closed, also in the middle of a sync", async () => {
  write("first");
  const flushing = database.flush();
  database.close();
  await flushing;
  const held = () =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
      } catch {
        return false;
      }
    });
  await expect.poll(held).toEqual([]);
  // What it had in its log is in the database itself by now.
  expect(execFileSync("ls", [directory], { encoding: "utf8" }).trim().split("\n")).not.toContain("gantry.db-wal");
});
