import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tryLock } from "../../../engine/database/file-lock.ts";

const source = new URL("../../../engine/database/file-lock.ts", import.meta.url).href;

/** What another process gets. */
function tryElsewhere(path: string): string {
  const script = `const { tryLock } = await import(${JSON.stringify(source)}); console.log(tryLock(process.argv[1]) === null ? "busy" : "mine")`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", script, path]).stdout.toString().trim();
}

it("is held by one process, until it lets go or ends", () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-lock-"));
  try {
    const path = join(directory, "engine.lock");
    const lock = tryLock(path);
    expect(lock).not.toBeNull();
    expect(tryElsewhere(path)).toBe("busy");
    lock?.[Symbol.dispose]();
    expect(tryElsewhere(path)).toBe("mine");
    expect(tryElsewhere(path)).toBe("mine");
    expect(readdirSync(directory)).toEqual(["engine.lock"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it("says why a lock cannot be made", () => {
  expect(() => tryLock("/no/such/directory/lock")).toThrow(
    "lock /no/such/directory/lock: unable to open database file",
  );
});

it("can be taken by nobody but its owner: whoever may read a file may lock it", () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-lock-"));
  try {
    const path = join(directory, "engine.lock");
    writeFileSync(path, "", { mode: 0o644 });
    for (const name of ["engine.lock", "fresh.lock"]) {
      const lock = tryLock(join(directory, name));
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
      lock?.[Symbol.dispose]();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
