import { randomBytes } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { gzip } from "../../../engine/lib/gzip.ts";

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of chunks) pieces.push(piece);
  return Buffer.concat(pieces);
}

function zip(bytes: Buffer, size: number): Promise<Buffer> {
  return all(gzip(chunksOf(bytes, size)));
}

const text = Buffer.from("the quick brown fox jumps over the lazy dog\n".repeat(90_000));

it.each([
  ["nothing", Buffer.alloc(0)],
  ["one byte", Buffer.from("a")],
  ["one block", randomBytes(1024 * 1024)],
  ["a little more than one block", randomBytes(1024 * 1024 + 1)],
  ["text of several blocks", text],
  ["zeros", Buffer.alloc(5_000_000)],
])("gives %s back", async (_name, bytes) => {
  expect(gunzipSync(await zip(bytes, 100_000)).equals(bytes)).toBe(true);
});

it("does not depend on how the bytes come", async () => {
  expect((await zip(text, 7_777)).equals(await zip(text, 3_000_000))).toBe(true);
});

it("looks over the border between blocks", async () => {
  const noise = randomBytes(30_000);
  const repeated = Buffer.concat(Array.from({ length: 100 }, () => noise));
  expect((await zip(repeated, 100_000)).length).toBeLessThan(60_000);
});

it("fails as its source does", async () => {
  const broken = async function* () {
    yield text;
    throw new Error("gone");
  };
  await expect(all(gzip(broken()))).rejects.toThrow("gone");
});
