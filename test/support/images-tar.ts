import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Header, pack } from "tar-stream";

/** A directory of the test's own, gone with it. */
export async function imagesDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "images-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export type TarItem = string | Buffer | Partial<Header>;

/** A tar of these entries, in order: text or bytes make a file, a header makes anything else. */
export async function tarOf(items: readonly (readonly [name: string, item: TarItem])[]): Promise<Buffer> {
  const tar = pack();
  for (const [name, item] of items) {
    const common = { name, mtime: new Date(0), mode: 0o644 };
    if (typeof item === "string" || Buffer.isBuffer(item)) tar.entry(common, item);
    else tar.entry({ ...common, ...item }).end("");
  }
  tar.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of tar as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The bytes as a stream of pieces of this size. */
export async function* chunksOf(bytes: Buffer, size = 64 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
