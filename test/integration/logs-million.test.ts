import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openLogReader } from "../../engine/logs/file-log-reader.ts";
import { compressRotated, rotateLog } from "../../engine/logs/rotate-log.ts";
import { decodeLogRecords } from "../../engine/protocol/log-records.ts";
import { conmonTime } from "../support/conmon-log.ts";

const count = 1_000_000;
const reader = openLogReader();
let directory = "";
let path = "";

/** A thousand lines a second of log time. */
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-million-"));
  path = join(directory, "log");
  const file = openSync(path, "w");
  for (let batch = 0; batch < count; batch += 1000) {
    let text = "";
    for (let index = batch; index < batch + 1000; index++) {
      const time = conmonTime(1_790_000_000 + batch / 1000, (index - batch) * 1_000_000);
      text += `${time} ${index % 10 === 0 ? "stderr" : "stdout"} F this is line ${index} of a talkative program\n`;
    }
    writeSync(file, text);
  }
  closeSync(file);
});
afterAll(() => rmSync(directory, { recursive: true }));

function options(range: { tail?: number; since?: string; until?: string } = {}) {
  return {
    range: { tail: range.tail ?? null, since: range.since ?? null, until: range.until ?? null },
    follow: false,
    signal: AbortSignal.timeout(60_000),
  };
}

function report(what: string, started: number): void {
  console.log(`${what}: ${(performance.now() - started).toFixed(0)} ms`);
}

it("reads all records, without holding them", async () => {
  const before = process.memoryUsage.rss();
  const started = performance.now();
  let bytes = 0;
  for await (const chunk of reader.read(path, options(), () => true)) bytes += chunk.length;
  report(`${count} records, ${(bytes / 1e6).toFixed(0)} MB`, started);
  expect(bytes).toBe(statSync(path).size);
  const grown = (process.memoryUsage.rss() - before) / 1e6;
  console.log(`memory grew by ${grown.toFixed(0)} MB`);
  expect(grown).toBeLessThan(bytes / 1e6);
});

it("decodes them one by one for a client", async () => {
  const started = performance.now();
  let records = 0;
  for await (const chunk of reader.read(path, options(), () => true)) decodeLogRecords(chunk, () => records++);
  report("read and decode", started);
  expect(records).toBe(count);
});

it("finds the end and a moment in it at once", async () => {
  let started = performance.now();
  const tail = [];
  for await (const batch of reader.lines("c", path, options({ tail: 100 }), () => true)) tail.push(...batch);
  report("the last 100", started);
  expect(tail).toHaveLength(100);
  expect(tail.at(-1)?.text).toBe("this is line 999999 of a talkative program");

  started = performance.now();
  const range = { since: conmonTime(1_790_000_500), until: conmonTime(1_790_000_500, 9_000_000) };
  const moment = [];
  for await (const batch of reader.lines("c", path, options(range), () => true)) moment.push(...batch);
  report("ten lines by time", started);
  expect(moment.map((line) => line.text.split(" ")[3])).toEqual(
    Array.from({ length: 10 }, (_, index) => String(500_000 + index)),
  );
});

it("pages and searches backwards", async () => {
  let started = performance.now();
  const page = await reader.page("c", path, { before: null, limit: 500 });
  report("a page of 500", started);
  expect(page.lines).toHaveLength(500);

  started = performance.now();
  let before = page.before;
  const found = [];
  while (before !== null && found.length === 0) {
    const next: Awaited<ReturnType<typeof reader.page>> = await reader.page("c", path, {
      before,
      limit: 10,
      contains: "LINE 123 OF",
    });
    found.push(...next.lines);
    before = next.before;
  }
  report("a search back to the start", started);
  expect(found.map((line) => line.text)).toEqual(["this is line 123 of a talkative program"]);
});

it("is as fast over five files, four of them compressed", async () => {
  const limits = { maxSize: 1, maxFiles: 5, compress: true };
  const log = { path: join(directory, "rotated"), control: join(directory, "ctl"), conmonPid: null, limits };
  const text = readFileSync(path);
  for (let part = 0; part < 5; part++) {
    const [from, to] = [part, part + 1].map((index) => text.indexOf(10, Math.floor((text.length * index) / 5) - 1) + 1);
    appendFileSync(log.path, text.subarray(part === 0 ? 0 : from, part === 4 ? text.length : to));
    if (part < 4) await rotateLog(log);
  }
  let started = performance.now();
  await compressRotated(log, 0, new AbortController().signal);
  report("four files compressed", started);
  rmSync(log.path);

  started = performance.now();
  const tail = [];
  for await (const batch of reader.lines("c", log.path, options({ tail: 100 }), () => true)) tail.push(...batch);
  const took = performance.now() - started;
  report("the last 100 of compressed ones", started);
  expect(tail).toHaveLength(100);
  expect(took).toBeLessThan(50);

  started = performance.now();
  const range = { since: conmonTime(1_790_000_500), until: conmonTime(1_790_000_500, 9_000_000) };
  const moment = [];
  for await (const batch of reader.lines("c", log.path, options(range), () => true)) moment.push(...batch);
  report("ten lines by time", started);
  expect(moment[0]?.text).toBe("this is line 500000 of a talkative program");

  started = performance.now();
  let bytes = 0;
  for await (const chunk of reader.read(log.path, options(), () => true)) bytes += chunk.length;
  report(`${(bytes / 1e6).toFixed(0)} MB`, started);
  expect(bytes / text.length).toBeCloseTo(0.8, 2);
});
