import koffi from "koffi";
import { type BytePath, cStringOf } from "../lib/byte-path.ts";
import { SyscallError } from "./errno.ts";

/**
 * System calls that Node lacks, through the C library. All are synchronous and short (4 to 60 us) but `umount`, which may wait for the
 * disk. Each fails with SyscallError. Paths are byte paths and are never followed in their last component, unless said otherwise.
 *
 * Null: the C library this process runs on already, since glibc and musl have other file names.
 */
const libc = koffi.load(null);

const call = {
  mount: libc.func(
    "int mount(const void *source, const void *target, const void *type, ulong flags, const void *data)",
  ),
  umount2: libc.func("int umount2(const void *target, int flags)"),
  // No function of glibc's before 2.33.
  mknodat: libc.func("syscall", "long", ["long", "long", "const void *", "long", "long"]),
  lsetxattr: libc.func("int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)"),
  fsetxattr: libc.func("int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)"),
  lgetxattr: libc.func("long lgetxattr(const void *path, const void *name, void *value, size_t size)"),
  llistxattr: libc.func("long llistxattr(const void *path, void *list, size_t size)"),
  lremovexattr: libc.func("int lremovexattr(const void *path, const void *name)"),
  utimensat: libc.func("int utimensat(int directory, const void *path, const void *times, int flags)"),
  syncfs: libc.func("int syncfs(int fd)"),
  exit: libc.func("void _exit(int status)"),
  // No function of glibc's before 2.27 or of old musls.
  memfdCreate: libc.func("syscall", "long", ["long", "const void *", "long"]),
  setpriority: libc.func("int setpriority(int which, uint who, int priority)"),
  // The new mount API has no wrappers before glibc 2.36. These numbers are the same on every architecture.
  fsopen: libc.func("syscall", "long", ["long", "const void *", "long"]),
  fsconfig: libc.func("syscall", "long", ["long", "long", "long", "const void *", "const void *", "long"]),
  fsmount: libc.func("syscall", "long", ["long", "long", "long", "long"]),
  openTree: libc.func("syscall", "long", ["long", "long", "const void *", "long"]),
  mountSetattr: libc.func("syscall", "long", ["long", "long", "const void *", "long", "const void *", "long"]),
  openat2: libc.func("syscall", "long", ["long", "long", "const void *", "const void *", "long"]),
  moveMount: libc.func("syscall", "long", ["long", "long", "const void *", "long", "const void *", "long"]),
};

const numbers = {
  mknodat: process.arch === "arm64" ? 33 : 259,
  memfdCreate: process.arch === "arm64" ? 279 : 319,
  openTree: 428,
  moveMount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  openat2: 437,
  mountSetattr: 442,
};
const atFdcwd = -100;
const empty = cStringOf("");

export const mountFlags = {
  readOnly: 1,
  noSuid: 2,
  noDevices: 4,
  noExec: 8,
  remount: 32,
  bind: 4096,
  recursive: 16384,
  private: 1 << 18,
} as const;
/** umount2(2). */
export const unmountFlags = { force: 1, detach: 2, noFollow: 8 } as const;
/** File types of mknod(2). */
export const nodeTypes = { fifo: 0o010000, character: 0o020000, block: 0o060000 } as const;

/** mount(2). */
export function mount(source: string, target: BytePath, options: MountCall): void {
  const { type = "", flags = 0, data = "" } = options;
  check("mount", call.mount(cStringOf(source), cStringOf(target), cStringOf(type), flags, cStringOf(data)));
}

export type MountCall = { readonly type?: string; readonly flags?: number; readonly data?: string };

/** umount2(2), on a thread of libuv's: the kernel may write the whole file system back first. */
export function umount(target: BytePath, flags: number): Promise<void> {
  return runElsewhere("umount", (done) => call.umount2.async(cStringOf(target), flags, done));
}

/** Makes a device, fifo or whiteout (character device 0/0). The mode is subject to the process's umask. */
export function mknod(path: BytePath, mode: number, device: { readonly major: number; readonly minor: number }): void {
  const number = makedev(device.major, device.minor);
  check("mknod", call.mknodat(numbers.mknodat, atFdcwd, cStringOf(path), mode, number));
}

/** The kernel keeps 12 bits of major and 20 of minor, as makedev(3) packs them. */
export function makedev(major: number, minor: number): number {
  return (major & 0xfff) * 256 + (minor & 0xff) + Math.floor((minor & 0xfffff) / 256) * 0x100000;
}

/** Sets an extended attribute of the path itself, also of a symbolic link. */
export function lsetxattr(path: BytePath, name: BytePath, value: Uint8Array): void {
  check("lsetxattr", call.lsetxattr(cStringOf(path), cStringOf(name), value, value.length, 0));
}

/** Sets an extended attribute of an open file. */
export function fsetxattr(fd: number, name: BytePath, value: Uint8Array): void {
  check("fsetxattr", call.fsetxattr(fd, cStringOf(name), value, value.length, 0));
}

/** As large as the kernel lets an attribute be; filled and copied within one call. */
const attribute = Buffer.alloc(65_536);

/** Value of an extended attribute, or null where there is none. */
export function lgetxattr(path: BytePath, name: BytePath): Buffer | null {
  const size = Number(call.lgetxattr(cStringOf(path), cStringOf(name), attribute, attribute.length));
  if (size >= 0) return Buffer.from(attribute.subarray(0, size));
  const code = errnoName(koffi.errno());
  if (code === "ENODATA" || code === "ENOTSUP" || code === "EOPNOTSUPP") return null;
  throw new SyscallError("lgetxattr", code);
}

/** Names of all extended attributes. */
export function llistxattr(path: BytePath): BytePath[] {
  const size = check("llistxattr", call.llistxattr(cStringOf(path), attribute, attribute.length));
  return attribute.toString("latin1", 0, size).split("\0").slice(0, -1);
}

/** Takes an extended attribute of the path itself away; a success where there is none. */
export function lremovexattr(path: BytePath, name: BytePath): void {
  if (call.lremovexattr(cStringOf(path), cStringOf(name)) === 0) return;
  const code = errnoName(koffi.errno());
  if (code !== "ENODATA") throw new SyscallError("lremovexattr", code);
}

/** Sets access and modification time with nanoseconds, which Node's own call rounds. */
export function setModificationTime(path: BytePath, time: { readonly seconds: number; readonly nanoseconds: number }) {
  const times = Buffer.alloc(32);
  for (const at of [0, 16]) {
    times.writeBigInt64LE(BigInt(time.seconds), at);
    times.writeBigInt64LE(BigInt(time.nanoseconds), at + 8);
  }
  const noFollow = 0x100;
  check("utimensat", call.utimensat(atFdcwd, cStringOf(path), times, noFollow));
}

/** Writes the file system of an open file to the disk. Waits for it: to be called in a worker. */
export function syncfs(fd: number): void {
  check("syncfs", call.syncfs(fd));
}

/**
 * Writes the file system of an open file to the disk, on a thread of libuv's. Fails, too, for an earlier failure to write since the file was
 * opened or this was called with it.
 */
export function syncfsElsewhere(fd: number): Promise<void> {
  return runElsewhere("syncfs", (done) => call.syncfs.async(fd, done));
}

type Done = (error: unknown, result: number) => void;

function runElsewhere(name: string, start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error !== null && error !== undefined) reject(error);
      else if (result < 0) reject(new SyscallError(name, errnoName(koffi.errno())));
      else resolve();
    });
  });
}

/**
 * Lets the other threads go first where processors are scarce (setpriority(2): on Linux, of the calling thread only). For workers with long
 * work, so that the main thread can answer.
 */
export function stepBack(): void {
  const process = 0;
  const self = 0;
  const priority = 2;
  // Not being allowed to is no harm.
  call.setpriority(process, self, priority);
}

/** A file that is in memory only and goes with its last descriptor (memfd_create(2)). */
export function openMemoryFile(name: string): number {
  const closeOnExec = 1;
  return check("memfd_create", call.memfdCreate(numbers.memfdCreate, cStringOf(name), closeOnExec));
}

/** Ends this process at once: Node's own exit waits for each of its threads, and one may be in a call that never comes back. */
export function exitNow(status: number): void {
  call.exit(status);
}

/** Gives memory that was freed back to the system, some 3 ms; glibc keeps what ended threads had. */
export function releaseFreeMemory(): void {
  mallocTrim?.(0);
}

/**
 * Lets large pieces of memory go back to the system as soon as they are freed: as it is, glibc keeps more of them the more come and go, in
 * a heap for each thread (mallopt(3)). To be called before there are threads.
 */
export function keepHeapsSmall(): void {
  const arenaMax = -8;
  const mmapThreshold = -3;
  mallopt?.(arenaMax, 2);
  mallopt?.(mmapThreshold, 128 * 1024);
}

/** A file descriptor of a new mount context. */
export function fsopen(type: string): number {
  const closeOnExec = 1;
  return check("fsopen", call.fsopen(numbers.fsopen, cStringOf(type), closeOnExec));
}

export function fsconfigString(fd: number, key: string, value: BytePath): void {
  check("fsconfig", call.fsconfig(numbers.fsconfig, fd, 1, cStringOf(key), cStringOf(value), 0));
}

export function fsconfigFlag(fd: number, key: string): void {
  check("fsconfig", call.fsconfig(numbers.fsconfig, fd, 0, cStringOf(key), null, 0));
}

export function fsconfigCreate(fd: number): void {
  check("fsconfig", call.fsconfig(numbers.fsconfig, fd, 6, null, null, 0));
}

/** A file descriptor of a mount that is nowhere yet. */
export function fsmount(fd: number): number {
  const closeOnExec = 1;
  return check("fsmount", call.fsmount(numbers.fsmount, fd, closeOnExec, 0));
}

export function moveMount(mountFd: number, target: BytePath): void {
  const emptyFromPath = 4;
  const result = call.moveMount(numbers.moveMount, mountFd, empty, atFdcwd, cStringOf(target), emptyFromPath);
  check("move_mount", result);
}

/** A file descriptor of a copy of a mount, from a directory of it down, that is nowhere yet (open_tree(2)). */
export function cloneMount(path: BytePath, recursive: boolean): number {
  const cloneTree = 1;
  const closeOnExec = 0o2000000;
  const atRecursive = 0x8000;
  const flags = cloneTree | closeOnExec | (recursive ? atRecursive : 0);
  return check("open_tree", call.openTree(numbers.openTree, atFdcwd, cStringOf(path), flags));
}

/**
 * Lets ids of a mount that is nowhere yet be seen as a user namespace maps them (mount_setattr(2), MOUNT_ATTR_IDMAP), and takes it out of
 * the peer group of what it was cloned from (mount_namespaces(7)): where that is shared, as systemd has it, whatever is mounted on one
 * would come on the other as well.
 */
export function mapMountIDs(mountFd: number, userNamespace: number, recursive: boolean): void {
  const emptyPath = 0x1000;
  const atRecursive = 0x8000;
  const idmap = 0x0010_0000n;
  const isPrivate = 0x0004_0000n;
  // struct mount_attr: set, clear, propagation, userns_fd.
  const attributes = new Uint8Array(new BigUint64Array([idmap, 0n, isPrivate, BigInt(userNamespace)]).buffer);
  const flags = emptyPath | (recursive ? atRecursive : 0);
  const result = call.mountSetattr(numbers.mountSetattr, mountFd, empty, flags, attributes, attributes.length);
  check("mount_setattr", result);
}

/**
 * Opens a path with links and `..` followed as if the directory were `/`, so that nothing outside can be named (openat2(2),
 * RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS). Null where nothing is there.
 */
export function openInRoot(directory: number, path: BytePath, flags: number): number | null {
  const noMagicLinks = 0x02;
  const inRoot = 0x10;
  // struct open_how: flags, mode, resolve.
  const how = new Uint8Array(new BigUint64Array([BigInt(flags), 0n, BigInt(inRoot | noMagicLinks)]).buffer);
  for (;;) {
    const result = Number(call.openat2(numbers.openat2, directory, cStringOf(path), how, how.length));
    if (result >= 0) return result;
    const code = errnoName(koffi.errno());
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return null;
    // EAGAIN: something was renamed meanwhile.
    if (code !== "EAGAIN") throw new SyscallError("openat2", code);
  }
}

/** The same on a thread of libuv's: for file systems that may wait for another machine. */
export async function openInRootElsewhere(directory: number, path: BytePath, flags: number): Promise<number | null> {
  const how = new Uint8Array(new BigUint64Array([BigInt(flags), 0n, BigInt(0x10 | 0x02)]).buffer);
  for (;;) {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const done = (error: unknown, result: number | bigint) => {
      if (error !== null && error !== undefined) reject(error);
      else if (Number(result) >= 0) resolve(Number(result));
      else reject(new SyscallError("openat2", errnoName(koffi.errno())));
    };
    call.openat2.async(numbers.openat2, directory, cStringOf(path), how, how.length, done);
    try {
      return await promise;
    } catch (error) {
      const code = error instanceof SyscallError ? error.code : "";
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(code)) return null;
      if (code !== "EAGAIN") throw error;
    }
  }
}

/** Only glibc has them. */
const mallocTrim = findFunction("int malloc_trim(size_t pad)");
const mallopt = findFunction("int mallopt(int parameter, int value)");

function findFunction(prototype: string): ReturnType<typeof libc.func> | null {
  try {
    return libc.func(prototype);
  } catch {
    return null;
  }
}

const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));

/** `ENOENT` of its number. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `E${errno}`;
}

function check(syscall: string, result: number | bigint): number {
  if (Number(result) < 0) throw new SyscallError(syscall, errnoName(koffi.errno()));
  return Number(result);
}
