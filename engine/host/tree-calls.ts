import koffi from "koffi";
import { type BytePath, cStringOf } from "../lib/byte-path.ts";
import { SyscallError } from "./errno.ts";
import { closeOpened } from "./file-calls.ts";
import { errnoName } from "./syscalls.ts";

/**
 * Calls that read and make files below open directories. A single name in a directory that is held by its descriptor leads nowhere else,
 * whoever changes the tree meanwhile: links in the last place are never followed. Synchronous, 1 to 10 us each; names are byte paths.
 * Each fails with SyscallError.
 */
const libc = koffi.load(null);

const call = {
  // Some C libraries in use lack wrappers for the first three.
  statx: libc.func("syscall", "long", ["long", "long", "const void *", "long", "ulong", "void *"]),
  copyFileRange: libc.func("syscall", "long", [
    "long",
    "long",
    "const void *",
    "long",
    "const void *",
    "size_t",
    "ulong",
  ]),
  mknodat: libc.func("syscall", "long", ["long", "long", "const void *", "long", "long"]),
  openat: libc.func("int openat(int directory, const void *name, int flags, uint mode)"),
  mkdirat: libc.func("int mkdirat(int directory, const void *name, uint mode)"),
  linkat: libc.func("int linkat(int from, const void *old, int to, const void *name, int flags)"),
  symlinkat: libc.func("int symlinkat(const void *target, int directory, const void *name)"),
  unlinkat: libc.func("int unlinkat(int directory, const void *name, int flags)"),
  renameat: libc.func("int renameat(int from, const void *old, int to, const void *name)"),
  fchownat: libc.func("int fchownat(int directory, const void *name, uint uid, uint gid, int flags)"),
  fchown: libc.func("int fchown(int fd, uint uid, uint gid)"),
  fchmod: libc.func("int fchmod(int fd, uint mode)"),
  utimensat: libc.func("int utimensat(int directory, const void *name, const void *times, int flags)"),
  futimens: libc.func("int futimens(int fd, const void *times)"),
  readlinkat: libc.func("long readlinkat(int directory, const void *name, void *target, size_t size)"),
  flistxattr: libc.func("long flistxattr(int fd, void *names, size_t size)"),
  fgetxattr: libc.func("long fgetxattr(int fd, const void *name, void *value, size_t size)"),
  fsetxattr: libc.func("int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)"),
};

const isArm = process.arch === "arm64";
const numbers = { statx: isArm ? 291 : 332, copyFileRange: isArm ? 285 : 326, mknodat: isArm ? 33 : 259 };

/** Flags of openat(2) that Node does not name. */
export const openFlags = {
  read: 0,
  write: 1,
  create: 0o100,
  exclusive: 0o200,
  noTerminal: 0o400,
  nonBlocking: 0o4000,
  directory: isArm ? 0o40000 : 0o200000,
  noFollow: isArm ? 0o100000 : 0o400000,
  closeOnExec: 0o2000000,
  path: 0o10000000,
} as const;

/** File types in `FileStatus.mode`. */
export const fileTypes = {
  mask: 0o170000,
  socket: 0o140000,
  link: 0o120000,
  file: 0o100000,
  block: 0o060000,
  directory: 0o040000,
  character: 0o020000,
  fifo: 0o010000,
} as const;

export type FileStatus = {
  /** With the file type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** `<device>:<inode>` */
  readonly identity: string;
  readonly size: number;
  /** Since 1970. */
  readonly modified: { readonly seconds: number; readonly nanoseconds: number };
  /** Changes whenever the file does, content and attributes: `<seconds>.<nanoseconds>`. */
  readonly changed: string;
  readonly major: number;
  readonly minor: number;
};

const noFollow = 0x100;
const emptyPath = 0x1000;
const basicStats = 0x7ff;
const nameBuffers = [Buffer.alloc(4352), Buffer.alloc(4352)] as const;
const status = Buffer.alloc(256);
const words = new DataView(status.buffer, status.byteOffset, status.length);
const attribute = Buffer.alloc(65_536);
const times = Buffer.alloc(32);

function check(syscall: string, result: number | bigint): number {
  if (Number(result) < 0) throw new SyscallError(syscall, errnoName(koffi.errno()));
  return Number(result);
}

/** NUL-terminated in memory that is used again by the next call with the same place. */
function named(name: BytePath, place: 0 | 1 = 0): Buffer {
  const buffer = nameBuffers[place];
  if (name.length > 4096) throw new SyscallError("open", "ENAMETOOLONG");
  buffer[buffer.write(name, 0, 4096, "latin1")] = 0;
  return buffer;
}

/** What a name in a directory is; an empty name: what the descriptor itself is. Null where it is not there. */
export function statusAt(directory: number, name: BytePath): FileStatus | null {
  const result = call.statx(numbers.statx, directory, named(name), noFollow | emptyPath, basicStats, status);
  if (Number(result) < 0) {
    const code = errnoName(koffi.errno());
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new SyscallError("statx", code);
  }
  const inode = words.getBigUint64(32, true);
  return {
    links: words.getUint32(16, true),
    uid: words.getUint32(20, true),
    gid: words.getUint32(24, true),
    mode: words.getUint16(28, true),
    identity: `${words.getUint32(136, true)},${words.getUint32(140, true)}:${inode}`,
    size: words.getUint32(40, true) + words.getUint32(44, true) * 2 ** 32,
    changed: `${words.getBigInt64(96, true)}.${words.getUint32(104, true)}`,
    modified: { seconds: Number(words.getBigInt64(112, true)), nanoseconds: words.getUint32(120, true) },
    major: words.getUint32(128, true),
    minor: words.getUint32(132, true),
  };
}

export function statusOf(fd: number): FileStatus {
  const found = statusAt(fd, "");
  if (found === null) throw new SyscallError("statx", "ENOENT");
  return found;
}

/** A descriptor, to be closed by closeOpened(). A link in the last place is refused (ELOOP). */
export function openAt(directory: number, name: BytePath, flags: number, mode = 0): number {
  return check("openat", call.openat(directory, named(name), flags | openFlags.noFollow | openFlags.closeOnExec, mode));
}

/** The same, closed with its scope. */
export function openScoped(directory: number, name: BytePath, flags: number): Disposable & { readonly fd: number } {
  const fd = openAt(directory, name, flags);
  return { fd, [Symbol.dispose]: () => closeOpened(fd) };
}

/** Subject to the process's umask. */
export function makeDirectoryAt(directory: number, name: BytePath, mode: number): void {
  check("mkdirat", call.mkdirat(directory, named(name), mode));
}

export function linkAt(from: number, old: BytePath, to: { readonly directory: number; readonly name: BytePath }): void {
  check("linkat", call.linkat(from, named(old), to.directory, named(to.name, 1), 0));
}

export function symlinkAt(target: BytePath, directory: number, name: BytePath): void {
  check("symlinkat", call.symlinkat(named(target), directory, named(name, 1)));
}

/** mode: with the type; subject to the process's umask. device: as makedev(3) packs it. */
export function makeNodeAt(
  directory: number,
  name: BytePath,
  node: { readonly mode: number; readonly device: number },
) {
  check("mknodat", call.mknodat(numbers.mknodat, directory, named(name), node.mode, node.device));
}

export function unlinkAt(directory: number, name: BytePath): void {
  check("unlinkat", call.unlinkat(directory, named(name), 0));
}

export function renameAt(
  from: number,
  old: BytePath,
  to: { readonly directory: number; readonly name: BytePath },
): void {
  check("renameat", call.renameat(from, named(old), to.directory, named(to.name, 1)));
}

export function chownAt(
  directory: number,
  name: BytePath,
  owner: { readonly uid: number; readonly gid: number },
): void {
  check("fchownat", call.fchownat(directory, named(name), owner.uid, owner.gid, noFollow));
}

export function chownOpen(fd: number, owner: { readonly uid: number; readonly gid: number }): void {
  check("fchown", call.fchown(fd, owner.uid, owner.gid));
}

export function chmodOpen(fd: number, mode: number): void {
  check("fchmod", call.fchmod(fd, mode));
}

/** Sets access and modification time of a name, or, without one, of the open file. */
export function setTimeAt(directory: number, name: BytePath | null, time: FileStatus["modified"]): void {
  for (const at of [0, 16]) {
    times.writeBigInt64LE(BigInt(time.seconds), at);
    times.writeBigInt64LE(BigInt(time.nanoseconds), at + 8);
  }
  if (name === null) check("futimens", call.futimens(directory, times));
  else check("utimensat", call.utimensat(directory, named(name), times, noFollow));
}

/** Where a link leads; without a name, the link that is open as a path. */
export function readLinkAt(directory: number, name: BytePath): BytePath {
  const size = check("readlinkat", call.readlinkat(directory, named(name), attribute, attribute.length));
  return attribute.toString("latin1", 0, size);
}

/** Names of the extended attributes of an open file, in byte order; none where its file system has none. */
export function attributeNamesOf(fd: number): BytePath[] {
  const size = Number(call.flistxattr(fd, attribute, attribute.length));
  if (size > 0) return attribute.toString("latin1", 0, size).split("\0").slice(0, -1).sort();
  if (size === 0) return [];
  const code = errnoName(koffi.errno());
  if (code === "ENOTSUP" || code === "EOPNOTSUPP") return [];
  throw new SyscallError("flistxattr", code);
}

/** Null where there is none. */
export function attributeValueOf(fd: number, name: BytePath): Buffer | null {
  const size = Number(call.fgetxattr(fd, cStringOf(name), attribute, attribute.length));
  return size < 0 ? null : Buffer.from(attribute.subarray(0, size));
}

/** False where the file system, or this process, cannot have it. */
export function setAttributeOf(fd: number, name: BytePath, value: Uint8Array): boolean {
  if (Number(call.fsetxattr(fd, cStringOf(name), value, value.length, 0)) === 0) return true;
  const code = errnoName(koffi.errno());
  if (["ENOTSUP", "EOPNOTSUPP", "EPERM"].includes(code)) return false;
  throw new SyscallError("fsetxattr", code);
}

/** Copies on within the kernel from where both files stand, sharing the disk's blocks where it can; null where it cannot do it at all. */
export function copyRange(from: number, to: number, size: number): number | null {
  const copied = Number(call.copyFileRange(numbers.copyFileRange, from, null, to, null, size, 0));
  if (copied >= 0) return copied;
  const code = errnoName(koffi.errno());
  if (["ENOSYS", "EXDEV", "EPERM", "EIO", "EOPNOTSUPP", "EINVAL", "ENOTSUP"].includes(code)) return null;
  throw new SyscallError("copy_file_range", code);
}
