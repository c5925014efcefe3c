const blockSize = 512;
/** Octal digits hold less. */
const octalLimit = 8 ** 11;

/** The header of a file or a directory (its path ends with a slash) in an archive that says nothing of its maker: ustar, of 1970. */
export function saveHeader(path: string, size: number): Buffer {
  const isDirectory = path.endsWith("/");
  const header = Buffer.alloc(blockSize);
  header.write(path, 0, 100, "latin1");
  header.write(isDirectory ? "0000755\0" : "0000644\0", 100, "latin1");
  header.write("0000000\0", 108, "latin1");
  header.write("0000000\0", 116, "latin1");
  writeSize(header, size);
  header.write("00000000000\0", 136, "latin1");
  header.write("        ", 148, "latin1");
  header.write(isDirectory ? "5" : "0", 156, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** Octal, or from 8 GiB on big-endian binary as GNU tar and all others that read such sizes do. */
function writeSize(header: Buffer, size: number): void {
  if (size < octalLimit) {
    header.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
    return;
  }
  header.writeUInt8(0x80, 124);
  header.writeBigUInt64BE(BigInt(size), 128);
}

/** What follows a file's bytes. */
export function savePadding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

/** Two blocks, filled up to a record as other writers do. */
export function saveEnd(written: number): Buffer {
  const record = 20 * blockSize;
  const least = written + 2 * blockSize;
  return Buffer.alloc(2 * blockSize + ((record - (least % record)) % record));
}
