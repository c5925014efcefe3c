import { type FileHandle, open } from "node:fs/promises";

/** A rewritten file is read whole before, so that it can be put back. */
const longest = 1024 * 1024;

/**
 * Gives a file a new text and leaves it the same file, for one that is mounted elsewhere. Whoever reads it meanwhile, or after a crash,
 * finds one of both texts, the new one with blank lines behind it at worst. Where the new one does not fit on the disk, the old one is put
 * back, which has its room, and the error is thrown. Of a file, the first megabyte counts.
 */
export async function rewriteFile(path: string, change: (text: string) => string): Promise<void> {
  await using file = await open(path, "r+");
  const before = await readStart(file);
  const after = Buffer.from(change(before.toString("utf8")));
  // In one write, and truncated afterwards: the file is never shorter than its text.
  const padding = Buffer.alloc(Math.max(0, before.length - after.length), "\n");
  try {
    await writeAll(file, Buffer.concat([after, padding]));
    await file.truncate(after.length);
  } catch (error) {
    await writeAll(file, before);
    await file.truncate(before.length);
    throw error;
  }
}

async function readStart(file: FileHandle): Promise<Buffer> {
  const buffer = Buffer.alloc(longest);
  const { bytesRead } = await file.read(buffer, 0, longest, 0);
  return buffer.subarray(0, bytesRead);
}

/** A disk that gets full takes a part. */
async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset, offset);
    offset += bytesWritten;
  }
}
