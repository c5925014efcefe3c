import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BlockReader, BlockWriter, blockSize, DamagedIndex } from "../../../engine/layers/files/block-file.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "block-file-"));
  path = join(directory, "index");
});

afterEach(() => rmSync(directory, { recursive: true }));

/** Pieces of a thousand bytes, numbered. */
function write(pieces: number): void {
  using out = new BlockWriter(path, directory);
  for (let piece = 0; piece < pieces; piece++) {
    out.reserve(1000);
    out.block.fill(piece % 251, out.at, out.at + 1000);
    out.at += 1000;
  }
  out.finish({ pieces });
}

it("gives back what was written, and no piece in two blocks", () => {
  write(5_000);
  using reader = new BlockReader(path);
  expect(reader.meta).toEqual({ pieces: 5_000 });
  const perBlock = Math.floor(blockSize / 1000);
  for (const piece of [0, 64, 65, 4_999, 1, 2_500, 0]) {
    const block = reader.block(Math.floor(piece / perBlock));
    const start = (piece % perBlock) * 1000;
    expect(block.subarray(start, start + 1000).every((byte) => byte === piece % 251)).toBe(true);
  }
  expect(() => reader.block(1_000)).toThrow(DamagedIndex);
});

it("notices each kind of damage", () => {
  write(300);
  const whole = readFileSync(path);
  const damaged = (change: (bytes: Buffer) => Buffer) => {
    writeFileSync(path, change(Buffer.from(whole)));
    return () => {
      using reader = new BlockReader(path);
      for (let index = 0; index * blockSize < reader.length; index++) reader.block(index);
    };
  };
  const flipped = (at: number) => (bytes: Buffer) => {
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  expect(damaged((bytes) => bytes)).not.toThrow();
  for (const at of [0, blockSize + 7, whole.length - 40, whole.length - 20, whole.length - 32]) {
    expect(damaged(flipped(at)), `byte ${at}`).toThrow(DamagedIndex);
  }
  for (const length of [0, 10, 1_000, whole.length - 1]) {
    expect(
      damaged((bytes) => bytes.subarray(0, length)),
      `${length} bytes`,
    ).toThrow(DamagedIndex);
  }
  expect(damaged(() => Buffer.alloc(whole.length))).toThrow(DamagedIndex);
});

it("leaves nothing where the writer did not come to its end", () => {
  {
    using out = new BlockWriter(path, directory);
    out.at += 10;
  }
  expect(readdirSync(directory)).toEqual([]);
});
