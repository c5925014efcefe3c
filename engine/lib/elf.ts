const interpreterSegment = 3;

/**
 * True for the first bytes of a Linux program that needs no other file to start: an ELF executable without an interpreter segment
 * (elf(5), PT_INTERP). Give at least 4 KiB, or the whole file.
 */
export function isStaticProgram(head: Buffer): boolean {
  if (head.length < 64 || head.toString("latin1", 0, 4) !== "\x7fELF") return false;
  const is64 = head[4] === 2;
  const isLittle = head[5] === 1;
  const word = (at: number): number => (isLittle ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const long = (at: number): number => (isLittle ? head.readUInt32LE(at) : head.readUInt32BE(at));
  const wide = (at: number): bigint => (isLittle ? head.readBigUInt64LE(at) : head.readBigUInt64BE(at));
  const start = is64 ? Number(wide(32)) : long(28);
  const size = word(is64 ? 54 : 42);
  const count = word(is64 ? 56 : 44);
  if (count === 0 || start + size * count > head.length) return false;
  return !Array.from({ length: count }, (_, index) => long(start + index * size)).includes(interpreterSegment);
}
