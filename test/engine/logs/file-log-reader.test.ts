import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLogReader } from "../../../engine/logs/file-log-reader.ts";
import type { FollowOptions } from "../../../engine/logs/log-reader.ts";
import type { LogRange } from "../../../engine/protocol/logs.ts";
import { collect } from "../../support/collect.ts";
import { conmonLog, conmonTime, type TestRecord } from "../../support/conmon-log.ts";

const reader = openLogReader();
let directory = "";
let path = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gantry-logs-"));
  path = join(directory, "log");
});
afterEach(() => rmSync(directory, { recursive: true }));

const everything: LogRange = { tail: null, since: null, until: null };

function options(range: Partial<LogRange> = {}, follow = false, signal = AbortSignal.timeout(10_000)): FollowOptions {
  return { range: { ...everything, ...range }, follow, signal };
}

function numbered(count: number): TestRecord[] {
  return Array.from({ length: count }, (_, index) => ({ text: `line ${index}` }));
}

async function textsOf(range: Partial<LogRange> = {}): Promise<string[]> {
  const texts: string[] = [];
  for await (const batch of reader.lines("c", path, options(range), () => true)) {
    texts.push(...batch.map((line) => line.text));
  }
  return texts;
}

async function bytesOf(range: Partial<LogRange> = {}): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of reader.read(path, options(range), () => true)) {
    expect(chunk.length).toBeLessThanOrEqual(1024 * 1024);
    expect(chunk.at(-1)).toBe(10);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

describe("read", () => {
  it("gives the records as they stand, in chunks that end with one", async () => {
    const log = conmonLog(Array.from({ length: 3000 }, (_, index) => ({ text: `${index} `.repeat(200) })));
    expect(log.length).toBeGreaterThan(2 * 1024 * 1024);
    writeFileSync(path, log);
    expect(await bytesOf()).toBe(log.toString());
  });

  it("leaves out a record that is torn at the end", async () => {
    writeFileSync(path, Buffer.concat([conmonLog(numbered(2)), Buffer.from("2026-11-22T01:3")]));
    expect(await bytesOf()).toBe(conmonLog(numbered(2)).toString());
  });

  it("passes over megabytes that are no record, and over zeros that a crash left", async () => {
    const junk = Buffer.concat([Buffer.alloc(3 * 1024 * 1024, "x"), Buffer.from("\n")]);
    writeFileSync(path, Buffer.concat([conmonLog([{ text: "a" }]), junk, conmonLog([{ text: "b" }])]));
    expect(await textsOf()).toEqual(["a", "b"]);
    writeFileSync(path, Buffer.concat([conmonLog([{ text: "a" }]), Buffer.alloc(5000), conmonLog(numbered(2))]));
    expect(await textsOf()).toEqual(["a", "line 1"]);
  });

  it("is empty for an empty log and for none", async () => {
    expect(await bytesOf()).toBe("");
    writeFileSync(path, "");
    expect(await bytesOf()).toBe("");
    expect(await bytesOf({ tail: 5, since: conmonTime(1), until: conmonTime(2) })).toBe("");
  });

  it("refuses a time that is none", async () => {
    await expect(bytesOf({ since: "yesterday" })).rejects.toThrow(
      'time "yesterday" is not of the form 2026-11-22T01:38:45Z',
    );
  });
});

describe("ranges", () => {
  it.each([0, 1, 2, 99, 100, 101])("gives the last %i of 100", async (tail) => {
    writeFileSync(path, conmonLog(numbered(100)));
    const texts = numbered(100).map((record) => record.text);
    expect(await textsOf({ tail })).toEqual(tail === 0 ? [] : texts.slice(-tail));
  });

  it("counts a tail over many windows", async () => {
    writeFileSync(path, conmonLog(numbered(20_000)));
    const texts = await textsOf({ tail: 15_000 });
    expect(texts).toHaveLength(15_000);
    expect(texts[0]).toBe("line 5000");
  });

  it("counts a line in parts once, and an unfinished one as one", async () => {
    writeFileSync(
      path,
      conmonLog([
        { text: "first" },
        { text: "a", partial: true },
        { text: "b", partial: true },
        { text: "c" },
        { text: "last" },
        { text: "login: ", partial: true },
      ]),
    );
    expect(await textsOf({ tail: 1 })).toEqual(["login: "]);
    expect(await textsOf({ tail: 3 })).toEqual(["abc", "last", "login: "]);
    expect(await textsOf()).toEqual(["first", "abc", "last", "login: "]);
  });

  it.each([
    [{ since: conmonTime(1050) }, 50, 99],
    [{ since: conmonTime(1049, 1) }, 50, 99],
    [{ until: conmonTime(1050) }, 0, 50],
    [{ since: conmonTime(1020), until: conmonTime(1030) }, 20, 30],
    [{ since: conmonTime(1020), until: conmonTime(1030), tail: 3 }, 28, 30],
    [{ since: conmonTime(1029), until: conmonTime(1030), tail: 50 }, 29, 30],
    [{ since: conmonTime(0) }, 0, 99],
    [{ since: "1970-01-01T02:17:30+02:00" }, 50, 99],
    [{ since: "1970-01-01T01:17:30.5+01:00" }, 51, 99],
  ])("gives what was written in %j", async (range, first, last) => {
    writeFileSync(path, conmonLog(numbered(100)));
    const texts = await textsOf(range);
    expect([texts[0], texts.at(-1)]).toEqual([`line ${first}`, `line ${last}`]);
    expect(texts).toHaveLength(last - first + 1);
  });

  it("has nothing later than the end or earlier than the start", async () => {
    writeFileSync(path, conmonLog(numbered(100)));
    expect(await textsOf({ since: conmonTime(2000) })).toEqual([]);
    expect(await textsOf({ until: conmonTime(999) })).toEqual([]);
  });
});

describe("lines", () => {
  it("tells container, stream, time and offset", async () => {
    const log = conmonLog([{ text: "one" }, { text: "two", stream: "stderr" }]);
    writeFileSync(path, log);
    const batches = await collect(reader.lines("web", path, options(), () => true));
    expect(batches.flat()).toEqual([
      { container: "web", time: conmonTime(1000), stream: "stdout", text: "one", offset: 0 },
      { container: "web", time: conmonTime(1001), stream: "stderr", text: "two", offset: log.indexOf("\n") + 1 },
    ]);
  });

  it("puts parts together by stream, also where one cuts a character", async () => {
    const euro = Buffer.from("€");
    writeFileSync(
      path,
      conmonLog([
        { text: Buffer.concat([Buffer.from("5 "), euro.subarray(0, 2)]), partial: true },
        { text: "err", stream: "stderr" },
        { text: Buffer.concat([euro.subarray(2), Buffer.from("!")]) },
      ]),
    );
    expect(await textsOf()).toEqual(["err", "5 €!"]);
  });

  it("cuts a line that has no end, and replaces bytes that are no UTF-8", async () => {
    writeFileSync(
      path,
      conmonLog([
        ...Array.from({ length: 300 }, () => ({ text: "x".repeat(8192), partial: true })),
        { text: Buffer.from([0x61, 0xff, 0x62]) },
      ]),
    );
    const texts = await textsOf();
    expect(texts.map((text) => text.length)).toEqual([1024 * 1024, 1024 * 1024, 44 * 8192 + 3]);
    expect(texts.at(-1)?.slice(-3)).toBe("a\uFFFDb");
  });

  it("gives at most 1,000 lines at once", async () => {
    writeFileSync(path, conmonLog(numbered(2500)));
    const sizes = (await collect(reader.lines("c", path, options(), () => true))).map((batch) => batch.length);
    expect(Math.max(...sizes)).toBe(1000);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2500);
  });
});

describe("following", () => {
  /** Collects texts; an empty batch shows as `…`. */
  function follow(range: Partial<LogRange> = {}, ended = () => false) {
    const stop = new AbortController();
    const texts: string[] = [];
    const done = (async () => {
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(10_000)]);
      for await (const batch of reader.lines("c", path, options(range, true, signal), ended)) {
        texts.push(...(batch.length === 0 ? ["…"] : batch.map((line) => line.text)));
      }
    })();
    return { texts, done, stop };
  }

  async function until(condition: () => boolean): Promise<void> {
    for (const deadline = Date.now() + 5000; !condition() && Date.now() < deadline; ) await sleep(5);
  }

  it("gives what is there, says so, then what comes, and stops at the signal", async () => {
    writeFileSync(path, conmonLog(numbered(2)));
    const { texts, done, stop } = follow();
    await until(() => texts.includes("…"));
    appendFileSync(path, conmonLog([{ text: "new" }]));
    await until(() => texts.includes("new"));
    stop.abort();
    await done;
    expect(texts).toEqual(["line 0", "line 1", "…", "new"]);
  });

  it("ends after the last byte when the writer has ended", async () => {
    writeFileSync(path, conmonLog(numbered(1)));
    let isOver = false;
    const { texts, done } = follow({ tail: 0 }, () => isOver);
    await until(() => texts.includes("…"));
    appendFileSync(path, conmonLog([{ text: "last" }]));
    isOver = true;
    await done;
    expect(texts).toEqual(["…", "last"]);
  });

  it("waits for the rest of a torn record", async () => {
    const [record = "", rest = ""] = conmonLog([{ text: "whole" }])
      .toString()
      .split("who");
    writeFileSync(path, record);
    const { texts, done, stop } = follow();
    await sleep(50);
    appendFileSync(path, `who${rest}`);
    await until(() => texts.includes("whole"));
    stop.abort();
    await done;
    expect(texts).toEqual(["…", "whole"]);
  });

  it("waits for a log that is not there yet, and for none when the container has ended", async () => {
    const { texts, done, stop } = follow();
    await sleep(50);
    writeFileSync(path, conmonLog(numbered(1)));
    await until(() => texts.length > 1);
    stop.abort();
    await done;
    expect(texts).toEqual(["…", "line 0"]);
    rmSync(path);
    const ended = follow({}, () => true);
    await ended.done;
    expect(ended.texts).toEqual(["…"]);
  });

  it("goes over to the new file when the log is rotated, without losing a line", async () => {
    writeFileSync(path, conmonLog(numbered(1)));
    const { texts, done, stop } = follow();
    await until(() => texts.includes("…"));
    await sleep(100);
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, conmonLog([{ text: "still old" }]));
    await until(() => texts.includes("still old"));
    writeFileSync(path, conmonLog([{ text: "fresh" }]));
    await until(() => texts.includes("fresh"));
    appendFileSync(path, conmonLog([{ text: "more" }]));
    await until(() => texts.includes("more"));
    stop.abort();
    await done;
    expect(texts).toEqual(["line 0", "…", "still old", "fresh", "more"]);
  });

  it("starts anew in a log that was emptied", async () => {
    writeFileSync(path, conmonLog(numbered(3)));
    const { texts, done, stop } = follow({ tail: 0 });
    await until(() => texts.includes("…"));
    await sleep(100);
    truncateSync(path);
    await sleep(100);
    appendFileSync(path, conmonLog([{ text: "again" }]));
    await until(() => texts.includes("again"));
    stop.abort();
    await done;
    expect(texts).toEqual(["…", "again"]);
  });

  it("shows a prompt that waits for an answer", async () => {
    writeFileSync(path, conmonLog([{ text: "login: ", partial: true }]));
    const { texts, done, stop } = follow();
    await until(() => texts.includes("login: "));
    appendFileSync(path, conmonLog([{ text: "root" }]));
    await until(() => texts.includes("root"));
    stop.abort();
    await done;
    expect(texts).toEqual(["…", "login: ", "root"]);
  });

  it("ends when the time asked for has gone by, and leaves out what is later", async () => {
    const now = Math.floor(Date.now() / 1000);
    writeFileSync(path, conmonLog([{ text: "past", time: conmonTime(now - 60) }]));
    const { texts, done } = follow({ until: conmonTime(now + 1) });
    await until(() => texts.includes("…"));
    appendFileSync(
      path,
      conmonLog([
        { text: "in time", time: conmonTime(now) },
        { text: "too late", time: conmonTime(now + 2) },
      ]),
    );
    await done;
    expect(texts).toEqual(["past", "…", "in time"]);
    const silent = follow({ until: conmonTime(now - 1) });
    await silent.done;
    expect(silent.texts).toEqual(["past", "…"]);
  });
});
