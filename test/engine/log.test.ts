import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { EngineError } from "../../engine/errors.ts";
import { openLog } from "../../engine/log.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-log-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

it("writes a JSON object a line, with the chain of an error", () => {
  const path = join(directory, "engine.log");
  {
    using log = openLog(path);
    log.info("engine starts", { pid: 7 });
    const cause = new Error("disk full");
    log.error("write failed", { error: EngineError.wrap("store blob", cause) });
  }
  const [first, second] = readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(first).toMatchObject({ level: "info", message: "engine starts", pid: 7 });
  expect(second.error.chain).toEqual(["store blob: disk full", "disk full"]);
  expect(second.error.stack).toContain("log.test.ts");
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

it("never grows beyond its limit, and keeps one old file", () => {
  const path = join(directory, "engine.log");
  using log = openLog(path, { limit: 2000 });
  for (let count = 0; count < 100; count++) log.info("line", { count });
  expect(statSync(path).size).toBeLessThanOrEqual(2000);
  expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(2000);
  expect(readFileSync(path, "utf8")).toContain('"count":99');
});

it("goes on where nobody reads the mirror any more", () => {
  const path = join(directory, "engine.log");
  const mirror = () => {
    throw new Error("EPIPE");
  };
  using log = openLog(path, { mirror });
  log.info("still here");
  expect(readFileSync(path, "utf8")).toContain("still here");
});

it("keeps to its file where no new one can be had", () => {
  const path = join(directory, "engine.log");
  using log = openLog(path, { limit: 10 });
  mkdirSync(`${path}.1`);
  log.info("first");
  log.info("second");
  expect(readFileSync(path, "utf8")).toContain("second");
});
