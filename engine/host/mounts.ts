import { closeSync, constants, openSync, readSync } from "node:fs";
import { EngineError } from "../errors.ts";
import { type BytePath, bytePathOf } from "../lib/byte-path.ts";
import { errnoError, errnoOf } from "./errno.ts";
import { listMounts } from "./mountinfo.ts";
import * as syscalls from "./syscalls.ts";

/** Directories of an overlay: `lower` topmost first. All absolute. */
export type OverlayDirectories = {
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  /** Nothing is brought to the disk by an unmount or a sync: it cannot be mounted again. Left out where the kernel lacks it (before Linux 5.10). */
  readonly isVolatile?: boolean;
};

export type OverlayMethod = "new-api" | "mount";

/**
 * index=off: a layer is the lower directory of many mounts. redirect_dir=nofollow: a rename of a directory is a copy, so that
 * the upper directory alone tells what changed, and nothing in a layer can point elsewhere. metacopy=off: for the same reason.
 */
const options = { index: "off", metacopy: "off", redirect_dir: "nofollow" } as const;
/** mount(2) copies one page of options. */
const optionLimit = 4095;
/** fsconfig(2) takes strings of up to 255 bytes. */
const stringLimit = 255;
const openPath = 0o10000000;

/** What has worked on this kernel; null until something has. */
let proven: OverlayMethod | null = null;
let isVolatileKnown = true;

/**
 * Mounts an overlay at `target`, with the new mount API where the kernel's overlay has `lowerdir+` (Linux 6.7), which takes any number of
 * layers up to 500; else with mount(2). Fails with what the kernel said.
 */
export function mountOverlay(directories: OverlayDirectories, target: string, forced?: OverlayMethod): void {
  try {
    const method = forced ?? proven ?? "new-api";
    if (method === "new-api" && tryContext(directories, target, method === (forced ?? proven))) return;
    mountWithOptions(directories, target);
    if (forced === undefined) proven = "mount";
  } catch (error) {
    throw errnoError(`mount overlay at ${target}`, error);
  }
}

/** False: it may be that this kernel is too old. Before 6.5 an overlay takes any option, and refuses it only when all are told. */
function tryContext(directories: OverlayDirectories, target: string, isKnownToWork: boolean): boolean {
  try {
    mountWithContext(directories, target);
    proven ??= "new-api";
    return true;
  } catch (error) {
    if (isKnownToWork || !(error instanceof TooOld)) throw error instanceof TooOld ? error.cause : error;
    return false;
  }
}

/** Bind mount of a file or directory onto an existing one of the same kind. */
export function mountBind(source: string, target: string): void {
  try {
    syscalls.mount(bytePathOf(source), bytePathOf(target), { flags: syscalls.mountFlags.bind });
  } catch (error) {
    throw errnoError(`bind ${source} to ${target}`, error);
  }
}

export function isMounted(target: string): boolean {
  return listMounts().some((entry) => entry.target === target);
}

/**
 * Unmounts all that is mounted at `target`; a success if nothing is. What is still in use is detached: gone from sight at once, and
 * from memory with its last user.
 */
export async function unmount(target: string): Promise<void> {
  const path = bytePathOf(target);
  const { detach, noFollow } = syscalls.unmountFlags;
  for (let flags: number = noFollow; ; ) {
    try {
      await syscalls.umount(path, flags);
    } catch (error) {
      const errno = errnoOf(error);
      // EINVAL: not a mount point (any more); ENOENT: not even a path.
      if (errno === "EINVAL" || errno === "ENOENT") return;
      if (errno !== "EBUSY" || flags !== noFollow) throw errnoError(`unmount ${target}`, error);
      flags = noFollow | detach;
    }
  }
}

/** A failure as a kernel gives it that lacks the new mount API, or an overlay that lacks `lowerdir+`. */
class TooOld extends Error {
  constructor(cause: unknown) {
    super("this kernel may be too old", { cause });
  }
}

/** What df and mount print in a container: programs look for docker's word. */
const mountSource = "overlay";

function mountWithContext(directories: OverlayDirectories, target: string): void {
  using open = new OpenPaths();
  let context: number | null = null;
  const short = (path: string) => open.refer(path, stringLimit);
  try {
    context = open.keep(syscalls.fsopen("overlay"));
    syscalls.fsconfigString(context, "source", mountSource);
    for (const path of directories.lower) syscalls.fsconfigString(context, "lowerdir+", short(path));
    syscalls.fsconfigString(context, "upperdir", short(directories.upper));
    syscalls.fsconfigString(context, "workdir", short(directories.work));
    for (const [key, value] of Object.entries(options)) syscalls.fsconfigString(context, key, value);
    if (directories.isVolatile) syscalls.fsconfigFlag(context, "volatile");
    syscalls.fsconfigCreate(context);
    const mounted = open.keep(syscalls.fsmount(context));
    syscalls.moveMount(mounted, bytePathOf(target));
  } catch (error) {
    const told = context === null ? error : withKernelMessage(context, error);
    throw ["EINVAL", "ENOSYS", "EPERM"].includes(errnoOf(error) ?? "") ? new TooOld(told) : told;
  }
}

/** The new mount API keeps what the file system has to say, line by line, for a read of the context. */
function withKernelMessage(context: number, error: unknown): unknown {
  const lines: string[] = [];
  const buffer = Buffer.alloc(1024);
  try {
    for (;;) lines.push(buffer.toString("utf8", 0, readSync(context, buffer)).trim());
  } catch {
    // ENODATA: that was all of them.
  }
  const errno = errnoOf(error);
  if (lines.length === 0 || errno === "ENOSPC" || errno === "EPERM") return error;
  return new EngineError("internal", `${errno ?? "error"}: ${lines.slice(-2).join("; ").slice(0, 300)}`, {
    cause: error,
  });
}

function mountWithOptions(directories: OverlayDirectories, target: string): void {
  const plain = [...directories.lower, directories.upper, directories.work];
  const fits = plain.join(":").length < optionLimit - 200;
  using open = new OpenPaths();
  // A reference by descriptor is some 18 bytes long and needs no escaping, which kernels do differently.
  const refer = (path: string) => open.refer(path, fits ? optionLimit : 0);
  const data = [
    `lowerdir=${directories.lower.map(refer).join(":")}`,
    `upperdir=${refer(directories.upper)}`,
    `workdir=${refer(directories.work)}`,
    ...Object.entries(options).map(([key, value]) => `${key}=${value}`),
    ...(directories.isVolatile && isVolatileKnown ? ["volatile"] : []),
  ].join(",");
  if (data.length > optionLimit) {
    throw new EngineError("failed-precondition", `${directories.lower.length} layers are too many for this kernel`, {
      hint: "Linux 6.7 or later takes 500",
    });
  }
  try {
    syscalls.mount(mountSource, bytePathOf(target), { type: "overlay", data });
  } catch (error) {
    if (!data.endsWith(",volatile") || errnoOf(error) !== "EINVAL") throw error;
    syscalls.mount(mountSource, bytePathOf(target), { type: "overlay", data: data.replace(/,volatile$/, "") });
    isVolatileKnown = false;
  }
}

/** Descriptors that live as long as one mount call. */
class OpenPaths implements Disposable {
  readonly #open: number[] = [];

  keep(fd: number): number {
    this.#open.push(fd);
    return fd;
  }

  /** The path itself where overlay's option parser takes it as it is, else one by descriptor. */
  refer(path: string, limit: number): BytePath {
    if (path.length <= limit && /^[\w./+@%-]+$/.test(path)) return path;
    return `/proc/self/fd/${this.keep(openSync(path, openPath | constants.O_DIRECTORY))}`;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.reverse()) closeSync(fd);
  }
}
