import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { logDetails } from "../../../engine/protocol/log-details.ts";
import { LogPrinter } from "../../../src/cli/log-printer.ts";

const time = "2026-11-22T01:38:45.629079477+00:00";

function collector() {
  const writes: string[] = [];
  const output = new Writable({
    write(chunk, _encoding, done) {
      writes.push(String(chunk));
      done();
    },
  });
  return { output, writes };
}

function print(chunks: readonly string[], timestamps = false, details?: string) {
  const out = collector();
  const err = collector();
  const printer = new LogPrinter({
    stdout: out.output,
    stderr: err.output,
    timestamps,
    ...(details === undefined ? {} : { details }),
  });
  for (const chunk of chunks) printer.take(Buffer.from(chunk));
  return { out: out.writes, err: err.writes };
}

it("writes the lines of a chunk at once, each to its stream", () => {
  const { out, err } = print([`${time} stdout F a\n${time} stdout F b\n${time} stderr F c\n${time} stdout F d\n`]);
  expect(out).toEqual(["a\nb\n", "d\n"]);
  expect(err).toEqual(["c\n"]);
});

it("joins partial lines, with one time before the whole", () => {
  const records = [`${time} stdout P ab\n${time} stdout P cd\n`, `${time} stdout F ef\n${time} stdout F next\n`];
  expect(print(records).out.join("")).toBe("abcdef\nnext\n");
  expect(print(records, true).out.join("")).toBe(
    `${time.replace("+00:00", "Z")} abcdef\n${time.replace("+00:00", "Z")} next\n`,
  );
});

it("puts records together that were cut between chunks", () => {
  const text = `${time} stdout F grüße\n${time} stderr F second\n`;
  for (let cut = 1; cut < Buffer.byteLength(text); cut++) {
    const bytes = Buffer.from(text);
    const out = collector();
    const err = collector();
    const printer = new LogPrinter({ stdout: out.output, stderr: err.output, timestamps: false });
    printer.take(bytes.subarray(0, cut));
    printer.take(bytes.subarray(cut));
    expect(out.writes.join("") + err.writes.join("")).toBe("grüße\nsecond\n");
  }
});

it("passes over what is no record", () => {
  expect(print([`torn\n${time} stdout F good\n`]).out).toEqual(["good\n"]);
});

it("puts what --details tells after the time, at the beginning of a line only", () => {
  const chunk = `${time} stdout P a\n${time} stdout F b\n${time} stdout F \n`;
  expect(print([chunk], false, "tier=db ").out).toEqual(["tier=db ab\ntier=db \n"]);
  expect(print([chunk], true, "é ").out).toEqual([
    "2026-11-22T01:38:45.629079477Z é ab\n2026-11-22T01:38:45.629079477Z é \n",
  ]);
});

it("tells the labels and variables that the log options name", () => {
  const inspected = {
    Config: { Labels: { tier: "a b", "com.x": "1", other: "2" }, Env: ["OS=linux", "EMPTY=", "SECRET=x"] },
    HostConfig: { LogConfig: { Config: { labels: "tier,none", "labels-regex": "^com", env: "OS,EMPTY" } } },
  };
  expect(logDetails(inspected)).toBe("EMPTY=,OS=linux,com.x=1,tier=a+b ");
  expect(logDetails({})).toBe(" ");
});
