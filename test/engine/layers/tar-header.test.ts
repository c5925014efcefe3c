import { expect, it } from "vitest";
import type { TarEntry } from "../../../engine/layers/tar-entry.ts";
import type { TarMember } from "../../../engine/layers/tar-header.ts";
import { TarParser } from "../../../engine/layers/tar-parser.ts";
import { TarWriter } from "../../../engine/layers/tar-writer.ts";

const plain: TarMember = {
  type: "file",
  path: "a/file",
  linkPath: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  seconds: 1_000_000_000,
  major: 0,
  minor: 0,
  size: 0,
  xattrs: [],
};

function written(members: readonly TarMember[], content = ""): Buffer {
  const chunks: Uint8Array[] = [];
  const writer = new TarWriter((chunk) => chunks.push(chunk));
  for (const member of members) {
    writer.begin(member);
    writer.body(
      member.size,
      (space, position) =>
        space.length && Buffer.from(space.buffer, space.byteOffset, space.length).write(content.slice(position)),
    );
  }
  writer.finish();
  return Buffer.concat(chunks);
}

function read(tar: Buffer): { entries: TarEntry[]; bytes: string } {
  const entries: TarEntry[] = [];
  let bytes = "";
  const parser = new TarParser({
    begin: (entry) => entries.push(entry),
    write: (_offset, piece) => {
      bytes += piece.toString("latin1");
    },
    end: () => undefined,
  });
  parser.push(tar);
  parser.finish();
  return { entries, bytes };
}

it.each<[string, Partial<TarMember>]>([
  ["a plain file", {}],
  ["a directory", { type: "directory", path: "a/directory" }],
  ["a name of 100 bytes", { path: "n".repeat(100) }],
  ["a name of 101 bytes", { path: "n".repeat(101) }],
  ["a long path", { path: `${"d/".repeat(70)}${"n".repeat(90)}` }],
  ["a very long path", { path: `${"directory/".repeat(300)}n` }],
  ["bytes that are no UTF-8", { path: "a/\xff\xfe", linkPath: "" }],
  ["a long link", { type: "symlink", linkPath: "/".padEnd(300, "t") }],
  ["a hard link", { type: "link", linkPath: "a/other" }],
  ["setuid", { mode: 0o6755 }],
  ["large owners", { uid: 4_000_000_000, gid: 3_000_000 }],
  ["a time before 1970", { seconds: -1 }],
  ["a device", { type: "block", major: 259, minor: 70_000 }],
  ["a fifo", { type: "fifo" }],
  [
    "attributes",
    {
      xattrs: [
        ["security.capability", Buffer.from([1, 0, 10, 255])],
        ["user.a", Buffer.from("b=\nc")],
      ],
    },
  ],
])("writes %s so that it is read the same", (_what, changes) => {
  const member = { ...plain, ...changes };
  const { seconds, path, type, ...others } = member;
  const [entry] = read(written([member])).entries;
  expect(entry).toMatchObject({ ...others, type, time: { seconds, nanoseconds: 0 } });
  expect(entry?.path).toBe(type === "directory" ? `${path}/` : path);
});

it("tells sizes beyond 8 GiB", () => {
  const [entry] = (() => {
    const chunks: Uint8Array[] = [];
    const writer = new TarWriter((chunk) => chunks.push(chunk));
    writer.begin({ ...plain, size: 9 * 2 ** 30 });
    writer.finish();
    const entries: TarEntry[] = [];
    const parser = new TarParser({
      begin: (found) => entries.push(found),
      write: () => undefined,
      end: () => undefined,
    });
    parser.push(Buffer.concat(chunks));
    return entries;
  })();
  expect(entry?.size).toBe(9 * 2 ** 30);
});

it("pads a file that shrank, and ends as tar does", () => {
  const tar = written([{ ...plain, size: 1000 }], "short");
  expect(tar.length).toBe(512 + 1024 + 1024);
  expect(read(tar).bytes).toBe("short".padEnd(1000, "\0"));
});

it("gives its chunks away whole, wherever they end", () => {
  const chunks: Uint8Array[] = [];
  // As a message to another thread takes them.
  const writer = new TarWriter((chunk) => chunks.push(structuredClone(chunk, { transfer: [chunk.buffer] })));
  const sizes = [1, 700, 262_144 - 1024 - 512, 300_000, 511, 512, 513, 100_000, 262_143];
  for (const size of sizes) {
    writer.begin({ ...plain, path: "n".repeat(150), size });
    writer.body(size, (space) => space.fill(120).length);
  }
  writer.finish();
  const tar = Buffer.concat(chunks);
  expect(tar.length % 512).toBe(0);
  expect(tar.length).toBe(writer.written);
  const { entries, bytes } = read(tar);
  expect(entries.map(({ size }) => size)).toEqual(sizes);
  expect(bytes).toBe("x".repeat(sizes.reduce((sum, size) => sum + size)));
});
