import * as fc from "fast-check";
import { expect, it } from "vitest";
import { DetachScanner } from "../../../engine/protocol/detach-scanner.ts";

const keys = Buffer.from([16, 17]);

function feed(scanner: DetachScanner, chunks: readonly (readonly number[])[]) {
  const passed: number[] = [];
  for (const chunk of chunks) {
    const { bytes, detached } = scanner.feed(Buffer.from(chunk));
    passed.push(...bytes);
    if (detached) return { passed, detached };
  }
  return { passed, detached: false };
}

it.each([
  [[[97, 16, 17, 98]], [97], true],
  [[[16], [17]], [], true],
  [[[16, 16, 17]], [16], true],
  [[[16, 97]], [16, 97], false],
  [[[16], [97], [17]], [16, 97, 17], false],
  [[[97, 16]], [97], false],
])("%j", (chunks, passed, detached) => {
  expect(feed(new DetachScanner(keys), chunks)).toEqual({ passed, detached });
});

it("passes everything without keys", () => {
  expect(feed(new DetachScanner(Buffer.alloc(0)), [[16, 17]])).toEqual({ passed: [16, 17], detached: false });
});

it("never loses or reorders a byte before the keys", () => {
  const byte = fc.constantFrom(16, 17, 97);
  fc.assert(
    fc.property(fc.array(fc.array(byte)), (chunks) => {
      const all = chunks.flat();
      const at = all.findIndex((key, index) => key === 16 && all[index + 1] === 17);
      const { passed, detached } = feed(new DetachScanner(keys), chunks);
      expect(detached).toBe(at !== -1);
      // A first key at the very end is still held back.
      const expected = at === -1 ? all.slice(0, all.at(-1) === 16 ? -1 : undefined) : all.slice(0, at);
      expect(passed).toEqual(expected);
    }),
  );
});
