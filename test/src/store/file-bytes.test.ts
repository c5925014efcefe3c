import { expect, it } from "vitest";
import {
  chunkSize,
  chunksAround,
  isText,
  longestLine,
  moveRows,
  nextRow,
  previousRow,
  stretchAt,
} from "../../../src/store/file-bytes.ts";

const chunksOf = (bytes: Buffer) =>
  new Map(
    Array.from({ length: Math.ceil(bytes.length / chunkSize) }, (_, index) => [
      index,
      bytes.subarray(index * chunkSize, (index + 1) * chunkSize),
    ]),
  );

it("tells text from bytes by the content", () => {
  expect(isText(Buffer.from("plain\n\ttext with 漢字 and \u001b[31mcolour\n"))).toBe(true);
  expect(isText(Buffer.from(""))).toBe(true);
  expect(isText(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]))).toBe(false);
  expect(isText(Buffer.from(Array.from({ length: 200 }, (_, index) => 128 + (index % 120))))).toBe(false);
  // A letter that is cut by the end of a piece is no reason.
  expect(isText(Buffer.from("漢字漢字").subarray(0, 10))).toBe(true);
});

it("walks lines in both directions, the same way", () => {
  const text = Buffer.from("one\ntwo\n\nfour");
  const stretch = { start: 0, bytes: text };
  const down: number[] = [0];
  for (let at = nextRow(stretch, 0, text.length); at !== null; at = nextRow(stretch, at, text.length)) down.push(at);
  expect(down).toEqual([0, 4, 8, 9]);
  const up: number[] = [];
  for (let at = previousRow(stretch, text.length); at !== null; at = previousRow(stretch, at)) up.push(at);
  expect(up).toEqual([9, 8, 4, 0]);
});

it("breaks lines without an end, so that a gigabyte of zeros can be scrolled", () => {
  const bytes = Buffer.alloc(3 * longestLine + 10, "x");
  const stretch = { start: 0, bytes };
  expect(moveRows(stretch, 0, { steps: 2, size: bytes.length })).toBe(2 * longestLine);
  expect(moveRows(stretch, 0, { steps: 99, size: bytes.length })).toBe(3 * longestLine);
  expect(moveRows(stretch, bytes.length, { steps: -2, size: bytes.length })).toBe(2 * longestLine);
  expect(moveRows(stretch, 3 * longestLine, { steps: -99, size: bytes.length })).toBe(0);
});

it("puts pieces together across their borders, and asks for those around", () => {
  const lines = Array.from({ length: 30_000 }, (_, index) => `line ${index}`);
  const bytes = Buffer.from(lines.join("\n"));
  const chunks = chunksOf(bytes);
  const stretch = stretchAt(chunks, chunkSize);
  expect(stretch).toMatchObject({ start: 0 });
  expect(stretch?.bytes.equals(bytes)).toBe(true);
  expect(stretchAt(new Map([...chunks].filter(([index]) => index !== 1)), chunkSize + 5)).toBeNull();
  expect(chunksAround({ top: 0, size: null })).toEqual([0]);
  expect(chunksAround({ top: "end", size: 10 * chunkSize })).toEqual([7, 8, 9]);
  expect(chunksAround({ top: 5 * chunkSize, size: 10 * chunkSize })).toEqual([3, 4, 5, 6, 7, 8]);
});
