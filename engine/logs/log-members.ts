import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import { crc32, deflateRaw, gunzip } from "node:zlib";

/**
 * A compressed log is a row of gzip members (RFC 1952, section 2.2), which any gunzip reads as one. Each holds whole records of a mebibyte
 * at most and says in an extra field how long it is, compressed and not: so any place in it is found by a few short reads, and read by
 * unpacking no more than its member.
 */
export type Member = {
  /** Where it stands in the compressed file, bytes. */
  readonly position: number;
  readonly length: number;
  /** Where its first byte stands in the whole log. */
  readonly begin: number;
  readonly size: number;
};

export const memberSize = 1024 * 1024;
/** Fixed part of ten bytes, length of the extra field, then one subfield of eight bytes. */
const headLength = 24;
const subfield = "GL";
/** A fifth larger than the usual 6, in half the time. */
const level = 4;

const deflate = promisify<Uint8Array, object, Buffer>(deflateRaw);
const inflate = promisify<Uint8Array, object, Buffer>(gunzip);

/** One member of these bytes, compressed in Node's thread pool. */
export async function packMember(bytes: Uint8Array): Promise<Buffer> {
  const body = await deflate(bytes, { level });
  const head = Buffer.alloc(headLength);
  // Deflate, an extra field, no time, unknown system.
  head.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff]);
  head.writeUInt16LE(headLength - 12, 10);
  head.write(subfield, 12, "latin1");
  head.writeUInt16LE(8, 14);
  head.writeUInt32LE(headLength + body.length + 8, 16);
  head.writeUInt32LE(bytes.length, 20);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, body, trailer]);
}

/** Members of an open compressed log that begins at `begin`; those before the first that is none of ours. */
export async function readMembers(file: FileHandle, begin: number): Promise<Member[]> {
  const members: Member[] = [];
  const head = Buffer.alloc(headLength);
  let [position, offset] = [0, begin];
  for (;;) {
    const { bytesRead } = await file.read(head, 0, headLength, position);
    const isOurs = bytesRead === headLength && head.toString("latin1", 12, 14) === subfield && head[0] === 0x1f;
    if (!isOurs) return members;
    const [length, size] = [head.readUInt32LE(16), head.readUInt32LE(20)];
    if (length <= headLength) return members;
    members.push({ position, length, begin: offset, size });
    position += length;
    offset += size;
  }
}

/** What a member holds, or null where it is damaged. */
export async function unpackMember(file: FileHandle, member: Member): Promise<Buffer | null> {
  const packed = Buffer.allocUnsafeSlow(member.length);
  const { bytesRead } = await file.read(packed, 0, member.length, member.position);
  if (bytesRead < member.length) return null;
  const options = { chunkSize: Math.max(64, member.size), maxOutputLength: Math.max(64, member.size) };
  const bytes = await inflate(packed, options).catch(() => null);
  return bytes?.length === member.size ? bytes : null;
}

/**
 * Compresses the file at `source` to `target`, of which nothing is seen before it is whole and on the disk. A file there is replaced.
 * Rejects when aborted, leaving a temporary file.
 */
export async function compressFile(source: string, target: string, signal: AbortSignal): Promise<void> {
  await using input = await open(source, "r");
  await using output = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
  const { size } = await input.stat();
  for (let offset = 0; offset < size; ) {
    signal.throwIfAborted();
    const block = Buffer.allocUnsafeSlow(Math.min(memberSize, size - offset));
    const { bytesRead } = await input.read(block, 0, block.length, offset);
    if (bytesRead === 0) break;
    const read = block.subarray(0, bytesRead);
    const records = offset + bytesRead < size ? read.lastIndexOf(10) + 1 : bytesRead;
    const whole = records > 0 ? read.subarray(0, records) : read;
    await writeAll(output, await packMember(whole));
    offset += whole.length;
  }
  signal.throwIfAborted();
  await output.sync();
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}
