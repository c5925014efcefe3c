import fc from "fast-check";
import { expect, it } from "vitest";
import { bytePathOf, cStringOf, pathOf, textOf } from "../../../engine/lib/byte-path.ts";

it("keeps every byte of a name", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 50 }), (bytes) => {
      const path = pathOf(bytePathOf(Buffer.from(bytes)));
      expect(Buffer.from(path as string)).toEqual(Buffer.from(bytes));
    }),
  );
});

it("shows names to people without control characters, and not too long", () => {
  expect(textOf(bytePathOf("naïve"))).toBe("naïve");
  expect(textOf("a\x1b[2Jb\n\xff")).toBe("a\ufffd[2Jb\ufffd\ufffd");
  expect(textOf("x".repeat(500))).toHaveLength(200);
});

it("ends strings for the kernel with a NUL", () => {
  expect(cStringOf("\xffa")).toEqual(Buffer.from([0xff, 0x61, 0]));
});
