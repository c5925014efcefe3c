import { expect, it } from "vitest";
import { leaveGarbage, releaseBytes } from "../../../engine/lib/young-garbage.ts";

it("gives back memory that is all of one piece, and none that something else lies in", () => {
  const whole = Buffer.allocUnsafeSlow(4096).fill(1);
  releaseBytes(whole);
  expect(whole).toHaveLength(0);

  const shared = Buffer.allocUnsafeSlow(4096).fill(1);
  releaseBytes(shared.subarray(0, 4000));
  releaseBytes(shared.subarray(96));
  expect(shared.every((byte) => byte === 1)).toBe(true);

  const sharedWithThreads = new Uint8Array(new SharedArrayBuffer(16));
  releaseBytes(sharedWithThreads);
  expect(sharedWithThreads).toHaveLength(16);
});

it("collects the young once in a while, and only them", () => {
  const before = globalThis.gc;
  const asked: unknown[] = [];
  globalThis.gc = ((options: unknown) => asked.push(options)) as never;
  try {
    for (let megabyte = 0; megabyte < 64; megabyte += 1) leaveGarbage(1024 * 1024);
  } finally {
    globalThis.gc = before;
  }
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.length).toBeLessThan(20);
  expect(new Set(asked.map((options) => JSON.stringify(options)))).toEqual(
    new Set(['{"type":"minor","execution":"sync"}']),
  );
});
