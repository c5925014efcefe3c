import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLogReader } from "../../../engine/logs/file-log-reader.ts";
import { compressedPath, rotatedPath } from "../../../engine/logs/log-segments.ts";
import { compressRotated, dropOldest, rotateLog, sweepLog } from "../../../engine/logs/rotate-log.ts";
import type { LogRange } from "../../../engine/protocol/logs.ts";
import { conmonLog, conmonTime } from "../../support/conmon-log.ts";

const reader = openLogReader();
const never = new AbortController().signal;
let directory = "";
let path = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-rotated-"));
  path = join(directory, "log");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A log nobody writes at the moment. */
function logOf(limits: { maxSize?: number; maxFiles?: number; compress?: boolean } = {}) {
  const { maxSize = 1000, maxFiles = 5, compress = true } = limits;
  return { path, control: join(directory, "ctl"), conmonPid: null, limits: { maxSize, maxFiles, compress } };
}

/** Lines `first` to `last`, a second apart, at the end of the log. */
function write(first: number, last: number, text = (index: number) => `line ${index}`): void {
  const records = Array.from({ length: last - first + 1 }, (_, index) => ({
    text: text(first + index),
    time: conmonTime(1000 + first + index),
  }));
  appendFileSync(path, conmonLog(records));
}

async function linesOf(range: Partial<LogRange> = {}) {
  const lines = [];
  const options = { range: { tail: null, since: null, until: null, ...range }, follow: false, signal: never };
  for await (const batch of reader.lines("c", path, options, () => true)) lines.push(...batch);
  return lines;
}

async function textsOf(range: Partial<LogRange> = {}): Promise<string[]> {
  return (await linesOf(range)).map(({ text }) => text);
}

function numbered(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `line ${first + index}`);
}

/** Five files: two compressed, one empty in effect, one plain, one current. */
async function writeFiveFiles(): Promise<void> {
  for (const start of [0, 1000, 2000, 3000]) {
    write(start, start + 999);
    await rotateLog(logOf());
    if (start === 1000) expect(await compressRotated(logOf(), 0, never)).toBe(false);
  }
  write(4000, 4999);
}

describe("reading over all files", () => {
  it("gives every line once, in order, with offsets that count from the first byte", async () => {
    await writeFiveFiles();
    expect(readdirSync(directory).filter((name) => name.endsWith(".gz"))).toHaveLength(2);
    const lines = await linesOf();
    expect(lines.map(({ text }) => text)).toEqual(numbered(0, 4999));
    const whole = Buffer.concat([conmonLog([{ text: "line 0", time: conmonTime(1000) }])]).length;
    expect(lines[1]?.offset).toBe(whole);
    expect(lines.every(({ offset }, index) => index === 0 || offset > (lines[index - 1]?.offset ?? 0))).toBe(true);
  });

  it.each([1, 999, 1000, 1001, 2500, 4999, 5000, 6000])("counts a tail of %i back", async (tail) => {
    await writeFiveFiles();
    expect(await textsOf({ tail })).toEqual(numbered(Math.max(0, 5000 - tail), 4999));
  });

  it.each([
    [0, 10],
    [995, 1005],
    [1500, 3500],
    [3999, 4000],
    [4990, 4999],
  ])("finds the moments from %i to %i", async (first, last) => {
    await writeFiveFiles();
    const range = { since: conmonTime(1000 + first), until: conmonTime(1000 + last) };
    expect(await textsOf(range)).toEqual(numbered(first, last));
  });

  it("pages back and forth through all of it, and searches", async () => {
    await writeFiveFiles();
    const back: string[] = [];
    for (let before: number | null = null; ; ) {
      const page = await reader.page("c", path, { before, limit: 700 });
      back.unshift(...page.lines.map(({ text }) => text));
      before = page.before;
      if (before === null) break;
    }
    expect(back).toEqual(numbered(0, 4999));
    const forth: string[] = [];
    for (let after: number | null = -1; after !== null; ) {
      const page: Awaited<ReturnType<typeof reader.page>> = await reader.page("c", path, {
        before: null,
        after,
        limit: 700,
      });
      forth.push(...page.lines.map(({ text }) => text));
      after = page.after ?? null;
    }
    expect(forth).toEqual(numbered(0, 4999));
    const found = await reader.page("c", path, { before: null, limit: 10, contains: "LINE 1499" });
    expect(found.lines.map(({ text }) => text)).toEqual(["line 1499"]);
    const ahead = await reader.page("c", path, { before: null, after: 0, limit: 1, contains: "line 31" });
    expect(ahead.lines.map(({ text }) => text)).toEqual(["line 31"]);
  });

  it("puts a line together whose parts stand in two files", async () => {
    appendFileSync(path, conmonLog([{ text: "half a ", partial: true }]));
    await rotateLog(logOf());
    appendFileSync(path, conmonLog([{ text: "line" }]));
    expect(await textsOf()).toEqual(["half a line"]);
  });

  it("keeps the places of lines when the oldest are dropped, and at one file", async () => {
    write(0, 999);
    const [first] = await linesOf({ tail: 1 });
    await rotateLog(logOf({ maxFiles: 1 }));
    await dropOldest(logOf({ maxFiles: 1 }));
    expect(await textsOf()).toEqual([]);
    write(1000, 1000);
    const [next] = await linesOf();
    expect(next?.offset).toBe((first?.offset ?? 0) + conmonLog([{ text: "line 999", time: conmonTime(1999) }]).length);
    expect((await reader.page("c", path, { before: null, limit: 10 })).before).toBeNull();
    await rotateLog(logOf({ maxFiles: 1 }));
    await dropOldest(logOf({ maxFiles: 1 }));
    expect(readdirSync(directory)).toHaveLength(2);
  });

  it("passes over a damaged part of a compressed file and one that a power cut took", async () => {
    write(0, 999);
    await rotateLog(logOf());
    write(1000, 1999);
    await rotateLog(logOf());
    write(2000, 2999);
    await compressRotated(logOf(), 0, never);
    const [first = "", second = ""] = readdirSync(directory)
      .filter((name) => name.endsWith(".gz"))
      .sort();
    const bytes = readFileSync(join(directory, first));
    bytes.fill(0xff, 200, 300);
    writeFileSync(join(directory, first), bytes);
    expect(await textsOf()).toEqual(numbered(1000, 2999));
    truncateSync(join(directory, second), 100);
    expect(await textsOf()).toEqual(numbered(2000, 2999));
    expect(await textsOf({ tail: 5 })).toEqual(numbered(2995, 2999));
  });
});

describe("following", () => {
  function follow() {
    const stop = new AbortController();
    const texts: string[] = [];
    const options = { range: { tail: null, since: null, until: null }, follow: true, signal: stop.signal };
    const done = (async () => {
      for await (const batch of reader.lines("c", path, options, () => false)) {
        texts.push(...batch.map((line) => line.text));
      }
    })();
    return { texts, stop, done };
  }

  it("crosses many rotations, also those that drop and compress what it has not read", async () => {
    write(0, 9);
    const { texts, stop, done } = follow();
    for (let start = 10; start < 2000; start += 10) {
      write(start, start + 9);
      if (start % 200 === 0) {
        await rotateLog(logOf());
        // The writer goes on in the old file for a while.
        await sleep(5);
      }
      if (start % 600 === 0) await compressRotated(logOf(), 0, never);
    }
    for (const deadline = Date.now() + 5000; texts.length < 2000 && Date.now() < deadline; ) await sleep(10);
    stop.abort();
    await done;
    expect(texts).toEqual(numbered(0, 1999));
  });

  it("ends cleanly when everything is deleted under it", async () => {
    write(0, 9);
    const { texts, stop, done } = follow();
    for (; texts.length < 10; ) await sleep(5);
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    await sleep(100);
    stop.abort();
    await done;
    expect(texts).toHaveLength(10);
  });
});

describe("limits", () => {
  it("keeps as many files as may be, the newest, and no more bytes than they may hold", async () => {
    for (let start = 0; start < 10_000; start += 1000) {
      write(start, start + 999);
      await rotateLog(logOf({ maxSize: 50_000 }));
      await dropOldest(logOf({ maxSize: 50_000 }));
    }
    expect(readdirSync(directory)).toHaveLength(5);
    expect(await textsOf()).toEqual(numbered(6000, 9999));
  });

  it("cuts a file that outgrew all limits to its newest records", async () => {
    write(0, 99_999);
    await rotateLog(logOf({ maxSize: 100_000 }));
    await dropOldest(logOf({ maxSize: 100_000 }));
    const texts = await textsOf();
    expect(texts.at(-1)).toBe("line 99999");
    expect(texts.length).toBeGreaterThan(5000);
    const sizes = readdirSync(directory).map((name) => statSync(join(directory, name)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(400_000);
  });

  it("makes compressed files that any gunzip reads", async () => {
    write(0, 49_999);
    const text = readFileSync(path, "utf8");
    await rotateLog(logOf());
    await compressRotated(logOf(), 0, never);
    const [, name = ""] = readdirSync(directory).sort();
    expect(name).toBe(compressedPath("log", 0, text.length));
    expect(statSync(join(directory, name)).size).toBeLessThan(text.length / 5);
    expect(execFileSync("gzip", ["-dc", join(directory, name)], { maxBuffer: 1e8, encoding: "utf8" })).toBe(text);
  });

  it("leaves a file that is young for later", async () => {
    write(0, 9);
    await rotateLog(logOf());
    expect(await compressRotated(logOf(), 60_000, never)).toBe(true);
    expect(readdirSync(directory)).toEqual(["log", "log.0000000000000000000"]);
  });
});

describe("what a crash leaves", () => {
  it("counts bytes once that stand in two files, and sweeps the spare one", async () => {
    write(0, 999);
    const size = statSync(path).size;
    await rotateLog(logOf());
    const plain = readFileSync(rotatedPath(path, 0));
    write(1000, 1999);
    await compressRotated(logOf(), 0, never);
    writeFileSync(rotatedPath(path, 0), plain);
    writeFileSync(`${rotatedPath(path, 77)}.tmp`, "half");
    writeFileSync(`${compressedPath(path, 0, 5)}.tmp`, "half");
    writeFileSync(`${path}.tmp`, "");
    expect(await textsOf()).toEqual(numbered(0, 1999));
    await sweepLog(path, true);
    const left = ["log", compressedPath("log", 0, size), "log.tmp"];
    expect(readdirSync(directory).sort()).toEqual(left.sort());
    await sweepLog(path, false);
    expect(readdirSync(directory)).not.toContain("log.tmp");
    expect(await textsOf()).toEqual(numbered(0, 1999));
  });

  it("goes on with a renamed file while there is no new one", async () => {
    write(0, 9);
    renameSync(path, rotatedPath(path, 0));
    expect(await textsOf()).toEqual(numbered(0, 9));
    expect((await reader.page("c", path, { before: null, limit: 3 })).lines).toHaveLength(3);
    write(10, 19);
    expect(await textsOf()).toEqual(numbered(0, 19));
  });
});
