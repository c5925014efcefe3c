import { wrong } from "./build-fields.ts";

const magics: readonly (readonly number[])[] = [
  [0x1f, 0x8b],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  [0x28, 0xb5, 0x2f, 0xfd],
];

/** A tar, plain or compressed, and no text, by its first 512 bytes (POSIX, pax: header block; the others' magic numbers). */
export function isArchive(head: Buffer): boolean {
  if (magics.some((magic) => magic.every((byte, index) => head[index] === byte))) return true;
  if (head.length < 512) return false;
  const block = Buffer.from(head.subarray(0, 512));
  // The sum counts its own field as blanks.
  const written = Number.parseInt(block.toString("latin1", 148, 156).replace(/[\0 ]+$/, ""), 8);
  const sum = block.fill(0x20, 148, 156).reduce((total, byte) => total + byte, 0);
  return written === sum || head.every((byte) => byte === 0);
}

export type Headed = { readonly head: Buffer; readonly all: AsyncIterable<Uint8Array> };

/** The first bytes, at least `size` where there are as many, and then all of them once. */
export async function readHead(source: AsyncIterable<Uint8Array>, size: number): Promise<Headed> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < size) {
    const { value, done } = await iterator.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return { head, all: again(head, iterator) };
}

async function* again(head: Buffer, rest: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  if (head.length > 0) yield head;
  yield* { [Symbol.asyncIterator]: () => rest };
}

/** All of it as text. Fails above `limit` bytes. */
export async function readText(source: AsyncIterable<Uint8Array>, limit: number, what: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > limit) throw wrong(`${what} is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
