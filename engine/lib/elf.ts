const interpreterSegment = 3;

type Segment = { readonly type: number; readonly offset: number; readonly size: number };

/**
 * True for the first bytes of a Linux program that needs no other file to start: an ELF executable without an interpreter segment
 * (elf(5), PT_INTERP). Give at least 4 KiB, or the whole file.
 */
export function isStaticProgram(head: Buffer): boolean {
  const segments = segmentsOf(head);
  return segments !== null && !segments.some(({ type }) => type === interpreterSegment);
}

/** Path of the program that starts this one (elf(5), PT_INTERP), or null. Give at least 4 KiB, or the whole file. */
export function findInterpreter(head: Buffer): string | null {
  const segment = segmentsOf(head)?.find(({ type }) => type === interpreterSegment);
  if (segment === undefined || segment.offset + segment.size > head.length) return null;
  return head.toString("utf8", segment.offset, segment.offset + segment.size).replace(/\0.*$/s, "");
}

/** Null for what is no ELF executable. */
function segmentsOf(head: Buffer): Segment[] | null {
  if (head.length < 64 || head.toString("latin1", 0, 4) !== "\x7fELF") return null;
  const is64 = head[4] === 2;
  const isLittle = head[5] === 1;
  const word = (at: number): number => (isLittle ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const long = (at: number): number => (isLittle ? head.readUInt32LE(at) : head.readUInt32BE(at));
  const wide = (at: number): number => Number(isLittle ? head.readBigUInt64LE(at) : head.readBigUInt64BE(at));
  const start = is64 ? wide(32) : long(28);
  const size = word(is64 ? 54 : 42);
  const count = word(is64 ? 56 : 44);
  if (count === 0 || size < (is64 ? 56 : 32) || start + size * count > head.length) return null;
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    return {
      type: long(at),
      offset: is64 ? wide(at + 8) : long(at + 4),
      size: is64 ? wide(at + 32) : long(at + 16),
    };
  });
}
