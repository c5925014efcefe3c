import type { BytePath } from "../../lib/byte-path.ts";
import type { BlockWriter } from "./block-file.ts";

/**
 * One version of one path in an index file: what a layer says of it. Records stand in tree order: a directory, then all below it, names
 * sorted by their bytes. Little endian:
 *
 *      0 u16  length of the record; zero: go on with the next block
 *      2 u16  depth; the top directory has 0
 *      4 u8   kind, with the bits `opaque` and `more`
 *      5 u8   length of the name
 *      6 u16  length of the link's target
 *      8 u16  permissions with setuid, setgid and sticky
 *     10 u16  layer (in a tree)
 *     12 u32  uid
 *     16 u32  gid
 *     20 u32  number in the table of directories (in a tree), or major << 20 | minor of a device
 *     24 f64  size
 *     32 f64  time of modification, milliseconds since 1970
 *     40      name, target
 */
export const at = {
  depth: 2,
  kind: 4,
  name: 5,
  target: 6,
  mode: 8,
  layer: 10,
  uid: 12,
  gid: 16,
  number: 20,
  size: 24,
  time: 32,
};
export const headSize = 40;

export const kinds = {
  file: 1,
  directory: 2,
  symlink: 3,
  /** A further name of a file that comes before it in tree order. */
  hardlink: 4,
  character: 5,
  block: 6,
  fifo: 7,
  socket: 8,
  /** Hides what lies below by this name. */
  whiteout: 9,
} as const;
export const kindMask = 0x3f;
/** A directory that hides what lies below it. */
export const opaqueBit = 0x80;
/** Another version of the same path follows. */
export const moreBit = 0x40;

export type FileFacts = {
  kind: number;
  mode: number;
  uid: number;
  gid: number;
  device: number;
  size: number;
  time: number;
  target: BytePath;
};

/** Appends one record. */
export function writeRecord(out: BlockWriter, depth: number, name: BytePath, facts: FileFacts): void {
  const length = headSize + name.length + facts.target.length;
  out.reserve(length);
  const { block, at: start } = out;
  block.writeUInt16LE(length, start);
  block.writeUInt16LE(depth, start + at.depth);
  block[start + at.kind] = facts.kind;
  block[start + at.name] = name.length;
  block.writeUInt16LE(facts.target.length, start + at.target);
  block.writeUInt16LE(facts.mode, start + at.mode);
  block.writeUInt16LE(0, start + at.layer);
  block.writeUInt32LE(facts.uid, start + at.uid);
  block.writeUInt32LE(facts.gid, start + at.gid);
  block.writeUInt32LE(facts.device, start + at.number);
  block.writeDoubleLE(facts.size, start + at.size);
  block.writeDoubleLE(facts.time, start + at.time);
  block.write(name, start + headSize, "latin1");
  if (facts.target !== "") block.write(facts.target, start + headSize + name.length, "latin1");
  out.at += length;
}
