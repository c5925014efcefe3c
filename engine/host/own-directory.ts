import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { EngineError } from "../errors.ts";
import { errnoError, errnoOf } from "./errno.ts";

/**
 * Makes a directory with those above it, or takes one that is there. Fails with `failed-precondition` where it cannot be written, or where another user could put
 * something of his in it, or in its place: sockets, and links that the engine would follow as root.
 */
export function ensureOwnDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode });
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw directoryError(path, error);
  }
  const { uid, mode: actual } = statSync(path);
  if (uid !== process.geteuid?.()) throw unsafe(path, `belongs to user ${uid}`);
  if ((actual & 0o022) !== 0) throw unsafe(path, "can be written by others");
}

function directoryError(path: string, error: unknown): EngineError {
  const errno = errnoOf(error);
  if (errno !== "EEXIST" && errno !== "ENOTDIR") return errnoError(`directory ${path}`, error);
  return new EngineError("failed-precondition", `directory ${path}: it is not a directory, or one above it is none`, {
    cause: error,
    hint: "move the file away, or give other --root and --run directories",
  });
}

function unsafe(path: string, reason: string): EngineError {
  return new EngineError("failed-precondition", `directory ${path} ${reason}: the engine cannot trust what is in it`, {
    hint: `give --root and --run directories of root's own, or: chown root ${path} && chmod go-w ${path}`,
  });
}
