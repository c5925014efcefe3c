import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openLogReader } from "../../../engine/logs/file-log-reader.ts";
import { mergeLines } from "../../../engine/logs/merge-lines.ts";
import { collect } from "../../support/collect.ts";
import { conmonLog, conmonTime } from "../../support/conmon-log.ts";

const reader = openLogReader();
const everything = { tail: null, since: null, until: null };
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-merge-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function logOf(container: string, seconds: readonly number[], ended = () => false) {
  const path = join(directory, container);
  writeFileSync(path, conmonLog(seconds.map((at) => ({ text: `${container}${at}`, time: conmonTime(at) }))));
  return { container, path, ended };
}

it("puts several logs in order of time", async () => {
  const logs = [logOf("a", [1, 4, 9]), logOf("b", [2, 3, 10]), logOf("c", [])];
  const options = { range: everything, follow: false, signal: AbortSignal.timeout(5000) };
  const lines = (await collect(mergeLines(reader, logs, options))).flat();
  expect(lines.map((line) => line.text)).toEqual(["a1", "b2", "b3", "a4", "a9", "b10"]);
});

it("takes the tail of each", async () => {
  const logs = [logOf("a", [1, 4, 9]), logOf("b", [2, 3, 10])];
  const options = { range: { ...everything, tail: 1 }, follow: false, signal: AbortSignal.timeout(5000) };
  const lines = (await collect(mergeLines(reader, logs, options))).flat();
  expect(lines.map((line) => line.text)).toEqual(["a9", "b10"]);
});

it("then gives what comes as it comes, from a log that was missing as well, until all have ended", async () => {
  let isOver = false;
  const ended = () => isOver;
  const [a, b] = [logOf("a", [1], ended), logOf("b", [2], ended)];
  const late = { container: "late", path: join(directory, "late"), ended };
  const texts: string[] = [];
  const options = { range: everything, follow: true, signal: AbortSignal.timeout(10_000) };
  const done = (async () => {
    for await (const batch of mergeLines(reader, [a, b, late], options)) {
      texts.push(...batch.map((line) => line.text));
    }
  })();
  for (const [log, text] of [
    [b, "from b"],
    [late, "from late"],
    [a, "from a"],
  ] as const) {
    await sleep(150);
    appendFileSync(log.path, conmonLog([{ text }]));
  }
  await sleep(300);
  isOver = true;
  await done;
  expect(texts).toEqual(["a1", "b2", "from b", "from late", "from a"]);
});

it("follows twenty at once without a warning", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  const stop = new AbortController();
  const logs = Array.from({ length: 20 }, (_, index) => logOf(`n${index}`, [index + 1]));
  let count = 0;
  setTimeout(() => stop.abort(), 400);
  for await (const batch of mergeLines(reader, logs, { range: everything, follow: true, signal: stop.signal })) {
    count += batch.length;
  }
  process.off("warning", onWarning);
  expect(count).toBe(20);
  expect(warnings).toEqual([]);
});

it("stops reading when its reader leaves", async () => {
  const logs = [logOf("a", [1, 2]), logOf("b", [3])];
  const options = { range: everything, follow: true, signal: AbortSignal.timeout(10_000) };
  const started = Date.now();
  for await (const batch of mergeLines(reader, logs, options)) {
    expect(batch[0]?.text).toBe("a1");
    break;
  }
  expect(Date.now() - started).toBeLessThan(5000);
});
