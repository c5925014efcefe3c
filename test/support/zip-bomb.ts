import { constants, deflateRawSync, gzipSync } from "node:zlib";

const block = 1024 * 1024;

/** A gzip file whose content begins with `head`, followed by so many MiB of zeros. Its checksum is wrong: nobody should get that far. */
export function zipBomb(head: Buffer, megabytes: number): Buffer {
  const flush = { level: 9, finishFlush: constants.Z_FULL_FLUSH };
  // A block that needs nothing of what was before it can be repeated.
  const zeros = deflateRawSync(Buffer.alloc(block), flush);
  const begin = gzipSync(Buffer.alloc(0)).subarray(0, 10);
  const end = Buffer.concat([Buffer.from([0x03, 0x00]), Buffer.alloc(8)]);
  return Buffer.concat([begin, deflateRawSync(head, flush), ...Array.from({ length: megabytes }, () => zeros), end]);
}
