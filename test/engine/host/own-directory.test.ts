import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ensureOwnDirectory } from "../../../engine/host/own-directory.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-own-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

it("makes a directory, and takes one that nobody else can write", () => {
  const path = join(directory, "a/b");
  for (let time = 0; time < 2; time++) ensureOwnDirectory(path, 0o711);
  expect(statSync(path).mode & 0o777).toBe(0o711);
});

it("refuses what a stranger prepared", () => {
  chmodSync(directory, 0o777);
  expect(() => ensureOwnDirectory(directory, 0o711)).toThrow(`directory ${directory} can be written by others`);
  chmodSync(directory, 0o700);
  chownSync(directory, 65_534, 65_534);
  expect(() => ensureOwnDirectory(directory, 0o711)).toThrow(`directory ${directory} belongs to user 65534`);
});
