import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TarEntry } from "../../../engine/layers/tar-entry.ts";
import { TarParser } from "../../../engine/layers/tar-parser.ts";
import { paxRecords, type TarItem, tarOf } from "../../support/tar-of.ts";

type Seen = { entry: TarEntry; pieces: [offset: number, text: string][] };

/** What the parser says of these bytes, pushed `step` bytes at a time. */
function parse(bytes: Buffer, step = bytes.length): Seen[] {
  const seen: Seen[] = [];
  const parser = new TarParser({
    begin: (entry) => void seen.push({ entry, pieces: [] }),
    write: (offset, piece) => void seen.at(-1)?.pieces.push([offset, piece.toString("latin1")]),
    end: () => {},
  });
  for (let at = 0; at < bytes.length; at += step) parser.push(bytes.subarray(at, at + step));
  parser.finish();
  return seen;
}

const textOf = (seen: Seen | undefined) => seen?.pieces.map(([, text]) => text).join("");
const entryOf = (item: TarItem) => parse(tarOf([item]).bytes)[0]?.entry;

describe("tar parser", () => {
  it("reads a ustar header", () => {
    const item = { path: "bin/sh", prefix: "usr", data: "hello", mode: 0o4755, uid: 7, gid: 8, mtime: 123 };
    const [seen] = parse(tarOf([item]).bytes);
    expect(seen?.entry).toMatchObject({
      type: "file",
      path: "usr/bin/sh",
      mode: 0o4755,
      uid: 7,
      gid: 8,
      time: { seconds: 123, nanoseconds: 0 },
    });
    expect(textOf(seen)).toBe("hello");
  });

  it("takes no prefix from a GNU header, whose field holds something else", () => {
    expect(entryOf({ path: "a", magic: "ustar  \0", prefix: "17777777777" })?.path).toBe("a");
  });

  it("reads pieces of any size alike", () => {
    const items: TarItem[] = [
      { path: "x", data: "a".repeat(1500), pax: { path: "long/name", mtime: "1.25", "SCHILY.xattr.user.a": "b" } },
      { path: "d/" },
      { path: "l", type: "2", linkPath: "x" },
      { path: "L", type: "L", data: "gnu/long/name\0" },
      { path: "y", data: "z" },
    ];
    const { bytes } = tarOf(items);
    const plain = (seen: Seen[]) => seen.map((one) => ({ ...one.entry, text: textOf(one) }));
    const whole = plain(parse(bytes));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), (step) => {
        expect(plain(parse(bytes, step))).toEqual(whole);
      }),
    );
  });

  it("applies pax records over the header, and to the next member only", () => {
    const pax = { path: "p/q", linkpath: "t", size: "3", uid: "3000000", gid: "4000000", mtime: "-1.5" };
    const seen = parse(tarOf([{ path: "short", data: "abc", pax }, { path: "next" }]).bytes);
    expect(seen[0]?.entry).toMatchObject({ path: "p/q", linkPath: "t", size: 3, uid: 3_000_000, gid: 4_000_000 });
    expect(seen[0]?.entry.time).toEqual({ seconds: -2, nanoseconds: 500_000_000 });
    expect(seen[1]?.entry).toMatchObject({ path: "next", uid: 0 });
  });

  it("keeps nanoseconds exact", () => {
    expect(entryOf({ path: "a", pax: { mtime: "1700000000.123456789" } })?.time.nanoseconds).toBe(123_456_789);
  });

  it("reads extended attributes of both dialects as bytes", () => {
    const value = Buffer.from([0, 1, 0xff, 0x0a]);
    const pax = { "LIBARCHIVE.xattr.user.%61": value.toString("base64"), "SCHILY.xattr.user.b": value };
    expect(entryOf({ path: "a", pax })?.xattrs).toEqual([
      ["user.a", value],
      ["user.b", value],
    ]);
  });

  it("reads GNU long names and links", () => {
    const name = "n".repeat(300);
    const items: TarItem[] = [
      { path: "././@LongLink", type: "L", data: `${name}\0` },
      { path: "././@LongLink", type: "K", data: `${name}t\0` },
      { path: name, type: "2", linkPath: name },
    ];
    expect(parse(tarOf(items).bytes)[0]?.entry).toMatchObject({ path: name, linkPath: `${name}t`, type: "symlink" });
  });

  it("reads numbers in base 256", () => {
    const size = Buffer.alloc(12);
    size[0] = 0x80;
    size[11] = 5;
    expect(entryOf({ path: "a", data: "12345", size })?.size).toBe(5);
  });

  it("takes a name that ends with a slash for a directory, as before POSIX", () => {
    expect(entryOf({ path: "d/", type: "\0" })?.type).toBe("directory");
  });

  it("ignores what links and directories say of their size", () => {
    const seen = parse(tarOf([{ path: "l", type: "1", linkPath: "a", size: 512 }, { path: "b" }]).bytes);
    expect(seen.map(({ entry }) => entry.path)).toEqual(["l", "b"]);
  });

  it("skips global headers and volume labels", () => {
    const items: TarItem[] = [
      { path: "g", type: "g", data: paxRecords({ path: "evil" }) },
      { path: "label", type: "V" },
      { path: "a" },
    ];
    expect(parse(tarOf(items).bytes).map(({ entry }) => entry.path)).toEqual(["a"]);
  });

  it("needs nothing behind the bytes of the last member", () => {
    const { bytes } = tarOf([{ path: "a", data: "x".repeat(900) }]);
    for (const length of [512 + 900, 512 + 901, 1535]) {
      expect(parse(bytes.subarray(0, length)).map(({ entry }) => entry.path)).toEqual(["a"]);
    }
  });

  it("ignores garbage behind the end, and needs no end mark", () => {
    const { bytes } = tarOf([{ path: "a", data: "x" }]);
    expect(parse(Buffer.concat([bytes, Buffer.alloc(777, 0x41)]))).toHaveLength(1);
    expect(parse(tarOf([{ path: "a", data: "x" }], { end: false }).bytes)).toHaveLength(1);
  });
});

describe("sparse files", () => {
  const extents = (seen: Seen[]) => seen[0]?.pieces;

  it("reads pax format 0.0, 0.1 and 1.0", () => {
    const data = `${"a".repeat(512)}${"b".repeat(512)}`;
    const pieces = [
      [1024, "a".repeat(512)],
      [4096, "b".repeat(512)],
    ];
    const map01 = { "GNU.sparse.size": "8192", "GNU.sparse.map": "1024,512,4096,512", "GNU.sparse.name": "real" };
    const first = parse(tarOf([{ path: "x", data, pax: map01 }]).bytes);
    expect(extents(first)).toEqual(pieces);
    expect(first[0]?.entry).toMatchObject({ path: "real", sparse: { realSize: 8192 } });

    const map = "2\n1024\n512\n4096\n512\n".padEnd(512, "\0");
    const map10 = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "8192" };
    expect(extents(parse(tarOf([{ path: "x", data: map + data, pax: map10 }]).bytes))).toEqual(pieces);
    expect(extents(parse(tarOf([{ path: "x", data: map + data, pax: map10 }]).bytes, 512))).toEqual(pieces);
  });

  it("reads a long text map in pieces", () => {
    const count = 300;
    const lines = Array.from({ length: count }, (_, at) => `${at * 2}\n1\n`).join("");
    const map = `${count}\n${lines}`;
    const padded = map.padEnd(Math.ceil(map.length / 512) * 512, "\0");
    const pax = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1000" };
    const { bytes } = tarOf([{ path: "x", data: padded + "z".repeat(count), pax }]);
    for (const step of [bytes.length, 512, 100])
      expect(parse(bytes, step)[0]?.entry.sparse?.extents).toHaveLength(count);
  });

  it.each([
    ["overlapping extents", "0,10,5,10", "20"],
    ["an extent beyond the end", "100,10,200,10", "150"],
    ["an odd map", "0,10,30", "50"],
    ["a negative length", "0,-5,10,25", "50"],
    ["extents that do not hold the bytes", "0,5", "50"],
  ])("refuses %s", (_, map, size) => {
    const pax = { "GNU.sparse.size": size, "GNU.sparse.map": map };
    expect(() => parse(tarOf([{ path: "x", data: "a".repeat(20), pax }]).bytes)).toThrow(/entry x: its sparse map/);
  });
});

describe("broken archives", () => {
  const big = Buffer.concat([Buffer.from([0xff]), Buffer.alloc(11, 0xff)]);
  const cases: [what: string, bytes: Buffer, message: RegExp][] = [
    ["no tar at all", Buffer.alloc(2048, 0x41), /^this is no tar archive$/],
    [
      "a truncated file",
      tarOf([{ path: "a", data: "x".repeat(900) }]).bytes.subarray(0, 1000),
      /truncated in entry a$/,
    ],
    ["a truncated header", tarOf([{ path: "a" }]).bytes.subarray(0, 300), /truncated$/],
    [
      "an extended header without its member",
      tarOf([{ path: "p", type: "x", data: paxRecords({ path: "q" }) }], { end: false }).bytes,
      /truncated in entry q$/,
    ],
    [
      "a bad checksum",
      tarOf([{ path: "a" }, { path: "b", badChecksum: true }]).bytes,
      /^entry a: the header after it has a wrong/,
    ],
    ["a negative size", tarOf([{ path: "a", size: big }]).bytes, /^entry a: its size is negative$/],
    [
      "a size that is no number",
      tarOf([{ path: "a", size: Buffer.from("99999999999\0") }]).bytes,
      /^entry a: .* not octal$/,
    ],
    [
      "a huge pax header",
      tarOf([{ path: "p", type: "x", size: 2 ** 31 }]).bytes,
      /^entry p: its extended header of 2147483648 bytes/,
    ],
    ["a huge long name", tarOf([{ path: "p", type: "L", size: 2 ** 24 }]).bytes, /^entry p: its extended header/],
    [
      "a malformed pax record",
      tarOf([{ path: "p", type: "x", data: "99 path=a\n" }]).bytes,
      /^entry p: its pax header is malformed$/,
    ],
    ["a pax record without a key", tarOf([{ path: "p", type: "x", data: "5 =a\n" }]).bytes, /malformed$/],
    ["a NUL in a path", tarOf([{ path: "p", pax: { path: "a\0b" } }]).bytes, /holds a NUL$/],
    ["a negative pax size", tarOf([{ path: "p", pax: { size: "-1" } }]).bytes, /its size is negative$/],
    ["a size beyond counting", tarOf([{ path: "p", pax: { size: "9999999999999999999" } }]).bytes, /is too large$/],
    ["an unknown type", tarOf([{ path: "p", type: "Z" }]).bytes, /^entry p: it has the unknown type "Z"$/],
    [
      "an impossible owner",
      tarOf([{ path: "p", pax: { uid: "4294967295" } }]).bytes,
      /its owner 4294967295 is not possible$/,
    ],
  ];

  it.each(cases)("refuses %s", (_, bytes, message) => {
    expect(() => parse(bytes)).toThrow(
      expect.objectContaining({ code: "corrupt", message: expect.stringMatching(message) }),
    );
  });

  it("never hangs or throws anything else, whatever bytes come", () => {
    const header = tarOf([{ path: "a", data: "x".repeat(600), pax: { mtime: "1" } }]).bytes;
    const flips = fc.array(fc.tuple(fc.nat(header.length - 1), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(flips, fc.nat(header.length), (changes, end) => {
        const bytes = Buffer.from(header.subarray(0, end));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          parse(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "corrupt" });
        }
      }),
      { numRuns: 500 },
    );
  });
});
