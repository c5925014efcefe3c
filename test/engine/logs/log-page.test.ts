import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openLogReader } from "../../../engine/logs/file-log-reader.ts";
import { conmonLog } from "../../support/conmon-log.ts";

const reader = openLogReader();
let directory = "";
let path = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-pages-"));
  path = join(directory, "log");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** All pages from the end to the start, as one text a line. */
async function allPages(limit: number, contains?: string): Promise<string[]> {
  const texts: string[] = [];
  let before: number | null = null;
  do {
    const page = await reader.page("c", path, { before, limit, contains });
    expect(page.lines.length).toBeLessThanOrEqual(limit);
    texts.unshift(...page.lines.map((line) => line.text));
    if (page.before !== null && before !== null) expect(page.before).toBeLessThan(before);
    before = page.before;
  } while (before !== null);
  return texts;
}

it("goes back page by page to the first line", async () => {
  const records = Array.from({ length: 1000 }, (_, index) => ({ text: `line ${index}` }));
  writeFileSync(path, conmonLog(records));
  const newest = await reader.page("c", path, { before: null, limit: 3 });
  expect(newest.lines.map((line) => line.text)).toEqual(["line 997", "line 998", "line 999"]);
  expect(newest.before).toBe(newest.lines[0]?.offset);
  for (const limit of [1, 7, 1000, 5000]) {
    expect(await allPages(limit)).toEqual(records.map((record) => record.text));
  }
});

it("keeps lines whole where windows meet, parts included", async () => {
  const records = Array.from({ length: 4000 }, (_, index) => ({
    text: `${index}:${"y".repeat(300)}`,
    partial: index % 4 !== 3,
  }));
  writeFileSync(path, conmonLog(records));
  for (const limit of [100, 500, 5000]) {
    const lines = await allPages(limit);
    expect(lines).toHaveLength(1000);
    expect(lines.join("")).toBe(records.map((record) => record.text).join(""));
  }
});

it("finds text in any case, also across parts and beyond ASCII", async () => {
  writeFileSync(
    path,
    conmonLog([
      { text: "An ERROR here" },
      { text: "nothing" },
      { text: "an er", partial: true },
      { text: "ror in parts" },
      { text: "GRÖSSE" },
    ]),
  );
  expect(await allPages(10, "Error")).toEqual(["An ERROR here", "an error in parts"]);
  expect(await allPages(1, "Error")).toEqual(["An ERROR here", "an error in parts"]);
  expect(await allPages(10, "an error in")).toEqual(["an error in parts"]);
  expect(await allPages(10, "größe")).toEqual([]);
  expect(await allPages(10, "grösse")).toEqual(["GRÖSSE"]);
});

it("does not match what stands before the text of a record", async () => {
  writeFileSync(path, conmonLog([{ text: "hello" }]));
  expect(await allPages(10, "stdout")).toEqual([]);
});

it("looks through 64 MiB at a time and says where to go on", async () => {
  const filler = conmonLog([{ text: "z".repeat(8000) }]);
  const count = Math.ceil((70 * 1024 * 1024) / filler.length);
  writeFileSync(path, Buffer.concat([conmonLog([{ text: "needle" }]), ...Array.from({ length: count }, () => filler)]));
  const first = await reader.page("c", path, { before: null, limit: 10, contains: "needle" });
  expect(first.lines).toEqual([]);
  expect(first.before).toBeGreaterThan(0);
  const second = await reader.page("c", path, { before: first.before, limit: 10, contains: "needle" });
  expect(second).toMatchObject({ lines: [{ text: "needle", offset: 0 }], before: null });
});

it("is empty without a log, and gets to the start through junk without records", async () => {
  expect(await reader.page("c", path, { before: null, limit: 10 })).toEqual({ lines: [], before: null });
  writeFileSync(path, Buffer.concat([conmonLog([{ text: "first" }]), Buffer.alloc(5 * 1024 * 1024, "j")]));
  expect(await allPages(10)).toEqual(["first"]);
  writeFileSync(
    path,
    Buffer.concat([
      conmonLog([{ text: "a" }]),
      Buffer.alloc(5 * 1024 * 1024, "j"),
      Buffer.from("\n"),
      conmonLog([{ text: "b" }]),
    ]),
  );
  expect(await allPages(10)).toEqual(["a", "b"]);
});

it("bears an offset that is no record's", async () => {
  writeFileSync(path, conmonLog([{ text: "one" }, { text: "two" }]));
  const texts = async (before: number) =>
    (await reader.page("c", path, { before, limit: 9 })).lines.map((line) => line.text);
  expect(await texts(-5)).toEqual([]);
  expect(await texts(3)).toEqual([]);
  expect(await texts(60)).toEqual(["one"]);
  expect(await texts(1e12)).toEqual(["one", "two"]);
});
