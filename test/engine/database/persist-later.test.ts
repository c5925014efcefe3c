import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { openDatabase } from "../../../engine/database/database.ts";

const directory = mkdtempSync(join(tmpdir(), "gd-"));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** https://www.sqlite.org/pragma.html#pragma_synchronous */
const full = 2;
const normal = 1;

it("waits for the disk again after a write that need not, also after one that failed", () => {
  const database = openDatabase(join(directory, "gantry.db"));
  const synchronous = () => database.prepare("PRAGMA synchronous").get()?.synchronous;
  expect(synchronous()).toBe(full);
  expect(database.persistLater(synchronous)).toBe(normal);
  expect(synchronous()).toBe(full);
  const fail = () => {
    throw new Error("no");
  };
  expect(() => database.persistLater(fail)).toThrow("no");
  expect(synchronous()).toBe(full);
  database.close();
});
