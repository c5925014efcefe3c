import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import type { OpenFile } from "../../protocol/streams.ts";

const chunkSize = 512 * 1024;

/**
 * Opens the file that a client has open. Null where there is no such process here, or it has another file by this number. Whoever can
 * reach the engine's socket is root on this host in any case, and may have it read what he likes.
 */
export async function openOffered({ pid, fd, device, inode }: OpenFile): Promise<FileHandle | null> {
  if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(fd)) return null;
  const path = `/proc/${pid}/fd/${fd}`;
  const isIt = (found: { dev: bigint; ino: bigint; isFile(): boolean }): boolean =>
    found.isFile() && String(found.dev) === device && String(found.ino) === inode;
  try {
    // Looked at first: to open something else could wait, or have effects.
    if (!isIt(await stat(path, { bigint: true }))) return null;
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (isIt(await handle.stat({ bigint: true }))) return handle;
    await handle.close();
  } catch {
    // Then it is sent.
  }
  return null;
}

/** The file's bytes from its beginning; the next piece is read while the last one is used. */
export async function* readOffered(handle: FileHandle): AsyncGenerator<Buffer, void> {
  let position = 0;
  const read = async (): Promise<Buffer | null> => {
    const buffer = Buffer.allocUnsafeSlow(chunkSize);
    const { bytesRead } = await handle.read(buffer, 0, chunkSize, position);
    position += bytesRead;
    return bytesRead === 0 ? null : buffer.subarray(0, bytesRead);
  };
  let next = read();
  try {
    for (let chunk = await next; chunk !== null; chunk = await next) {
      next = read();
      yield chunk;
    }
  } finally {
    await next.catch(() => {});
  }
}
