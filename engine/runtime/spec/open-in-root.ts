import { close, closeSync, constants, fstat, fstatSync, open, openSync, read, readSync } from "node:fs";
import { promisify } from "node:util";
import koffi from "koffi";
import { EngineError } from "../../errors.ts";
import { errnoError, errnoOf } from "../../host/errno.ts";
import { openInRootElsewhere } from "../../host/syscalls.ts";
import { bytePathOf } from "../../lib/byte-path.ts";

const sysOpenat2 = 437;
const resolveNoMagicLinks = 0x02;
const resolveInRoot = 0x10;
const oPath = 0o10000000;
/** O_NONBLOCK: a fifo there must not hang the engine. */
const readFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | 0o2000000;

/** Databases of users are small; one that is not is an attack on the engine's memory (CVE-2026-47262). */
const sizeLimit = 1024 * 1024;

const libc = koffi.load(null);
const openat2 = libc.func(
  "long syscall(long number, int directory, const char *path, const uint8_t *how, size_t size)",
);

/**
 * Text of a file inside a file system that others may write to: links, `..` and absolute targets are followed as if `root` were /
 * (openat2(2), RESOLVE_IN_ROOT), so nothing outside can be named. Null where it is missing. Fails with `invalid-argument` for
 * anything but a regular file of at most 1 MB. Waits on threads of libuv's: what is mounted there may be another machine's.
 */
export async function readTextInRoot(root: string, path: string): Promise<string | null> {
  const directory = await promisify(open)(root, constants.O_RDONLY | constants.O_DIRECTORY | oPath);
  try {
    const descriptor = await openElsewhere(directory, path);
    if (descriptor === null) return null;
    try {
      return await readLimited(descriptor, path);
    } finally {
      close(descriptor);
    }
  } finally {
    close(directory);
  }
}

/** The first bytes of a regular file there, at most `length`; null where it is none. */
export function readHeadInRoot(root: string, path: string, length: number): Buffer | null {
  const directory = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY | oPath);
  try {
    const descriptor = openInRoot(directory, path);
    if (descriptor === null) return null;
    try {
      if (!fstatSync(descriptor).isFile()) return null;
      const head = Buffer.alloc(length);
      return head.subarray(0, readSync(descriptor, head, 0, length, 0));
    } finally {
      closeSync(descriptor);
    }
  } finally {
    closeSync(directory);
  }
}

function openInRoot(directory: number, path: string): number | null {
  // struct open_how: flags, mode, resolve.
  const how = new BigUint64Array([BigInt(readFlags), 0n, BigInt(resolveInRoot | resolveNoMagicLinks)]);
  const bytes = new Uint8Array(how.buffer);
  const descriptor = Number(openat2(sysOpenat2, directory, path, bytes, bytes.length));
  if (descriptor >= 0) return descriptor;
  const errno = koffi.errno();
  const { ENOENT, ENOTDIR, ELOOP, ENXIO } = koffi.os.errno;
  if (errno === ENOENT || errno === ENOTDIR || errno === ELOOP || errno === ENXIO) return null;
  throw new EngineError("internal", `open ${path} in the container's file system: error ${errno}`);
}

async function openElsewhere(directory: number, path: string): Promise<number | null> {
  try {
    return await openInRootElsewhere(directory, bytePathOf(path), readFlags);
  } catch (error) {
    // Of a socket, or of a device without a driver.
    if (errnoOf(error) === "ENXIO") return null;
    throw errnoError(`open ${path} in the container's file system`, error);
  }
}

async function readLimited(descriptor: number, path: string): Promise<string> {
  const info = await promisify(fstat)(descriptor);
  if (!info.isFile() || info.size > sizeLimit) {
    throw new EngineError("invalid-argument", `${path} of the container is not a regular file of at most 1 MB`, {
      exitCode: 125,
    });
  }
  // The size may be a lie (procfs) or change: read to the end, or one byte beyond the limit.
  const buffer = Buffer.allocUnsafe(Math.min(sizeLimit, Math.max(info.size, 4096)) + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await promisify(read)(descriptor, buffer, length, buffer.length - length, null);
    if (bytesRead === 0 || length + bytesRead === buffer.length) return buffer.toString("utf8", 0, length + bytesRead);
    length += bytesRead;
  }
}
