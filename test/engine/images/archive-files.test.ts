import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openBlobStore } from "../../../engine/content/file-blob-store.ts";
import { decompress } from "../../../engine/host/decompress.ts";
import { ArchiveFiles } from "../../../engine/images/archive-files.ts";
import { leasedBlobs } from "../../../engine/images/leased-blobs.ts";
import { openLayerStore } from "../../../engine/layers/overlay-layer-store.ts";
import { ByteReader } from "../../../engine/lib/byte-reader.ts";
import { sha256 } from "../../../engine/oci/digest.ts";
import { chunksOf, imagesDirectory, type TarItem, tarOf } from "../../support/images-tar.ts";

async function receive(archive: Buffer, chunkSize?: number) {
  await using root = await imagesDirectory();
  await using layers = await openLayerStore({ root: root.path });
  const blobs = await openBlobStore(root.path);
  const signal = AbortSignal.timeout(20_000);
  const isHere = () => false;
  await using files = new ArchiveFiles(
    { blobs: leasedBlobs(blobs, noLease), layers, isHere },
    { signal, onUnpack: () => {} },
  );
  await files.receive(new ByteReader(decompress(chunksOf(archive, chunkSize))));
  const large = files.find("a/layer.tar");
  if (large !== null) await files.keep(large);
  return { files, blobs: await readdir(join(root.path, "blobs/sha256")) };
}

const noLease = { hold: async () => {}, [Symbol.dispose]: () => {} };

const big = randomBytes(300_000);
const items: [string, TarItem][] = [
  ["./manifest.json", "[]"],
  ["a/", { type: "directory" }],
  ["a/layer.tar", big],
  ["b/layer.tar", { type: "symlink", linkname: "../a/layer.tar" }],
  [`${"long/".repeat(40)}name`, "deep"],
  ["ünïcode", "u"],
];

it.each([1, 511, 512, 513, 100_000])("finds files whatever the size of the chunks (%i)", async (size) => {
  const archive = await tarOf(size === 1 ? items.filter(([, item]) => item !== big) : items);
  const { files } = await receive(archive, size);
  expect(files.find("manifest.json")?.bytes?.toString()).toBe("[]");
  expect(files.find(`${"long/".repeat(40)}name`)?.digest).toBe(sha256("deep"));
  expect(files.find("ünïcode")?.digest).toBe(sha256("u"));
  expect(files.find("nowhere")).toBeNull();
  if (size > 1) expect(files.find("b/layer.tar")?.digest).toBe(sha256(big));
});

it("keeps large files as blobs and small ones in memory", async () => {
  const { blobs } = await receive(await tarOf(items));
  expect(blobs).toEqual([sha256(big).slice(7)]);
});

it.each([
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
])("reads %s", async (_, compress) => {
  const { files } = await receive(compress(await tarOf(items)));
  expect(files.find("a/layer.tar")?.digest).toBe(sha256(big));
});

describe("a hostile archive", () => {
  const hostile: [string, [string, TarItem][], RegExp][] = [
    ["climbs out", [["../etc/passwd", "x"]], /points out of the archive/],
    ["climbs out later", [["a/../../etc/passwd", "x"]], /points out of the archive/],
    ["is absolute", [["/etc/passwd", "x"]], /points out of the archive/],
    ["links out", [["a/b", { type: "symlink", linkname: "../../etc/passwd" }]], /points out of the archive/],
    ["links to an absolute path", [["a", { type: "symlink", linkname: "/etc/passwd" }]], /points out of the archive/],
    ["holds a device", [["a", { type: "block-device" }]], /no file, directory or link/],
    [
      "has two of a name",
      [
        ["a", "1"],
        ["./a", "2"],
      ],
      /two different entries/,
    ],
    [
      "has a file and a link of a name",
      [
        ["a", "1"],
        ["a", { type: "symlink", linkname: "b" }],
      ],
      /two different entries/,
    ],
    [
      "has a link and a file of a name",
      [
        ["a", { type: "symlink", linkname: "b" }],
        ["a", "1"],
      ],
      /two different entries/,
    ],
  ];

  it.each(hostile)("that %s is refused", async (_, entries, message) => {
    const archive = await tarOf(entries);
    await expect(receive(archive)).rejects.toMatchObject({ code: "corrupt", message: expect.stringMatching(message) });
  });

  it("with a loop of links is refused where it is read", async () => {
    const loop: [string, TarItem][] = [
      ["a", { type: "symlink", linkname: "b" }],
      ["b", { type: "symlink", linkname: "a" }],
    ];
    const { files } = await receive(await tarOf(loop));
    expect(() => files.find("a")).toThrow(/loop of links/);
  });

  it("that ends too early is refused", async () => {
    const archive = await tarOf(items);
    await expect(receive(archive.subarray(0, 200_000))).rejects.toMatchObject({ code: "corrupt" });
    await expect(receive(gzipSync(archive).subarray(0, 100_000))).rejects.toMatchObject({ code: "corrupt" });
    await expect(receive(archive.subarray(0, 1_100))).rejects.toMatchObject({ code: "corrupt" });
  });

  it("that is no tar is refused", async () => {
    await expect(receive(Buffer.from("hello".repeat(300)))).rejects.toThrow(/no tar header at byte 0/);
    await expect(receive(Buffer.from("BZh91AY&SY"))).rejects.toMatchObject({ code: "corrupt" });
  });

  it("whose header claims gigabytes of names is refused before they are read", async () => {
    const archive = await tarOf([["a", "1"]]);
    archive.write("77777777777\0", 124);
    archive.write("L", 156);
    archive.fill(0x20, 148, 156);
    const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    archive.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    await expect(receive(archive)).rejects.toThrow(/too large/);
  });
});
