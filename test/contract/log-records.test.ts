import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeLogRecords, type LogRecord } from "../../engine/protocol/log-records.ts";
import { conmonLog, conmonTime, type TestRecord } from "../support/conmon-log.ts";

function decoded(bytes: Buffer): { records: LogRecord[]; texts: string[]; consumed: number } {
  const records: LogRecord[] = [];
  const consumed = decodeLogRecords(bytes, (record) => records.push(record));
  return { records, texts: records.map((record) => bytes.toString("utf8", record.start, record.end)), consumed };
}

const anyRecord = fc.record({
  text: fc.string().map((text) => text.replaceAll("\n", " ")),
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  partial: fc.boolean(),
});

it("reads what conmon writes", () => {
  const line = "2026-11-22T01:38:45.629079477+00:00 stderr P text with  spaces ";
  const { records, texts, consumed } = decoded(Buffer.from(`${line}\n`));
  expect(records[0]).toMatchObject({ time: line.slice(0, 35), stream: "stderr", partial: true });
  expect(texts).toEqual(["text with  spaces "]);
  expect(consumed).toBe(line.length + 1);
});

it("reads times of other lengths and empty lines", () => {
  const bytes = Buffer.from("2026-11-22T01:38:45Z stdout F \n2026-11-22T01:38:45.6-03:00 stdout F a\n");
  expect(decoded(bytes).records.map((record) => record.time)).toEqual([
    "2026-11-22T01:38:45Z",
    "2026-11-22T01:38:45.6-03:00",
  ]);
  expect(decoded(bytes).texts).toEqual(["", "a"]);
});

it("leaves the start of a record for the next chunk", () => {
  const bytes = conmonLog([{ text: "whole" }, { text: "torn" }]).subarray(0, -3);
  expect(decoded(bytes).texts).toEqual(["whole"]);
  expect(decoded(bytes).consumed).toBe(bytes.indexOf("\n") + 1);
});

it.each([
  "\n",
  "   \n",
  "no record at all, but with enough spaces in it\n",
  "2026-11-22T01:38:45Z stdout F\n",
  "2026-11-22T01:38:45Z stdout\n",
  "2026-11-22T01:38:45.629079477+00:00\n",
  `${"\0".repeat(4000)}${conmonTime(1)} stdout F after a crash\n`,
])("passes over a line that is no record: %j", (line) => {
  const bytes = Buffer.concat([Buffer.from(line), conmonLog([{ text: "next" }])]);
  expect(decoded(bytes).texts).toEqual(["next"]);
  expect(decoded(bytes).consumed).toBe(bytes.length);
});

it("gives back any text that was written, wherever the chunks are cut", () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 20 }), fc.nat(), (records: TestRecord[], seed) => {
      const bytes = conmonLog(records);
      const cut = bytes.length === 0 ? 0 : seed % bytes.length;
      const first = decoded(bytes.subarray(0, cut));
      const second = decoded(bytes.subarray(first.consumed));
      const texts = records.map((record) => Buffer.from(record.text).toString("utf8"));
      expect([...first.texts, ...second.texts]).toEqual(texts);
    }),
  );
});

it("never leaves its buffer, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const bytes = Buffer.from(noise);
      const { consumed, records } = decoded(bytes);
      expect(consumed).toBeLessThanOrEqual(bytes.length);
      for (const record of records) expect(record.start).toBeLessThanOrEqual(record.end);
    }),
  );
});
