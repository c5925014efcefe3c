import { EngineError, type EngineErrorOptions, type ErrorCode, messageOf } from "../errors.ts";

/** A failed system call, with the same `code` (`ENOENT`) as Node's own errors have. */
export class SyscallError extends Error {
  override readonly name = "SyscallError";
  readonly code: string;
  readonly syscall: string;

  constructor(syscall: string, code: string) {
    super(`${syscall}: ${code}`);
    this.code = code;
    this.syscall = syscall;
  }
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "resource-exhausted",
  EDQUOT: "resource-exhausted",
  EMFILE: "resource-exhausted",
  ENFILE: "resource-exhausted",
  ENOMEM: "resource-exhausted",
  EFBIG: "resource-exhausted",
  EACCES: "permission-denied",
  EPERM: "permission-denied",
  EROFS: "failed-precondition",
  ENOSYS: "unimplemented",
};

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on the disk",
  EDQUOT: "disk quota exceeded",
  EMFILE: "too many open files in this process",
  ENFILE: "too many open files on this host",
  ENOMEM: "out of memory",
  EFBIG: "file too large for this file system",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "file system is read-only",
  EIO: "input/output error",
};

const hints: Readonly<Record<string, string>> = {
  ENOSPC: "free some space: `gantry rmi` images you no longer need",
  EDQUOT: "free some space, or raise the quota",
  EMFILE: "raise the engine's limit of open files (ulimit -n)",
  EPERM: "the engine must run as root with all capabilities",
  EROFS: "use a --root on a file system that can be written",
};

/** `ENOENT` of anything thrown, or null. */
export function errnoOf(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : null;
}

/** Says what we were doing and why the kernel refused, in words. What is an EngineError already keeps its code. */
export function errnoError(doing: string, error: unknown, fallback: ErrorCode = "internal"): EngineError {
  if (error instanceof EngineError) return EngineError.wrap(doing, error);
  const errno = errnoOf(error) ?? "";
  const options: EngineErrorOptions = { cause: error, hint: hints[errno] ?? null };
  return new EngineError(codes[errno] ?? fallback, `${doing}: ${reasons[errno] ?? messageOf(error)}`, options);
}
