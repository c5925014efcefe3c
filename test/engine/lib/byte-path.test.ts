import fc from "fast-check";
import { expect, it } from "vitest";
import { bytePathOf, bytePathOfWire, cStringOf, pathOf, textOf, wireTextOf } from "../../../engine/lib/byte-path.ts";

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

it.each([
  ["plain", "/etc/motd", "/etc/motd"],
  ["UTF-8", bytePathOf("/café/💀"), "/café/💀"],
  ["control characters", "/a\nb\x1b[31m\x7f", "/a\nb\x1b[31m\x7f"],
  ["bytes that are no UTF-8", "/\xff\xc3/x", "/\udcff\udcc3/x"],
  ["half a character", `${bytePathOf("é").slice(0, 1)}z`, "\udcc3z"],
  ["too long a form of a character", "\xc0\xaf", "\udcc0\udcaf"],
  ["a surrogate written as UTF-8", "\xed\xb2\x80", "\udced\udcb2\udc80"],
  ["both side by side", `\xff${bytePathOf("💀")}\xfe`, "\udcff💀\udcfe"],
])("carries %s over the wire and back", (_, bytes, text) => {
  expect(wireTextOf(bytes)).toBe(text);
  expect(bytePathOfWire(JSON.parse(JSON.stringify(text)))).toBe(bytes);
});
