import { expect, it } from "vitest";
import { LogFrames } from "../../../engine/docker-api/log-frames.ts";
import { demultiplex } from "../../support/docker-stream.ts";

const plain = { stdout: true, stderr: true, isFramed: true, timestamps: false, details: "" };
const record = (stream: string, tag: string, text: string, time = "2026-11-22T01:38:45.629079477+00:00") =>
  `${time} ${stream} ${tag} ${text}\n`;
const take = (options: Partial<typeof plain>, ...chunks: string[]) => {
  const frames = new LogFrames({ ...plain, ...options });
  return Buffer.concat(chunks.map((chunk) => frames.take(Buffer.from(chunk))));
};

it("makes a frame of each record", () => {
  const bytes = take({}, record("stdout", "F", "a"), record("stderr", "F", "é") + record("stdout", "F", ""));
  expect(bytes).toEqual(
    Buffer.from([1, 0, 0, 0, 0, 0, 0, 2, 97, 10, 2, 0, 0, 0, 0, 0, 0, 3, 0xc3, 0xa9, 10, 1, 0, 0, 0, 0, 0, 0, 1, 10]),
  );
});

it("writes times in UTC and details once a line", () => {
  const chunks = [
    record("stdout", "P", "a"),
    record("stdout", "F", "b"),
    record("stdout", "F", "c", "2026-11-22T03:00:00.5+02:00"),
  ];
  expect(demultiplex(take({ timestamps: true, details: "A=b " }, ...chunks)).stdout).toBe(
    "2026-11-22T01:38:45.629079477Z A=b ab\n2026-11-22T01:00:00.500000000Z A=b c\n",
  );
});

it("leaves out a stream, and heads for a terminal", () => {
  const chunk = record("stdout", "F", "a") + record("stderr", "F", "b");
  expect(take({ stdout: false, isFramed: false }, chunk).toString()).toBe("b\n");
});

it.each(["", "x".repeat(500)])("has room for the shortest records, whatever stands before them", (details) => {
  const chunk = record("stdout", "F", "", "2026-11-22T01:38:45Z").repeat(1000);
  const { stdout } = demultiplex(take({ timestamps: true, details }, chunk));
  expect(stdout).toBe(`2026-11-22T01:38:45.000000000Z ${details}\n`.repeat(1000));
});

it("passes over what is no record", () => {
  expect(take({}, `\0\0\0\n${record("stdout", "F", "a")}`).length).toBe(10);
});
