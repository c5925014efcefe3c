import { mkdirSync, statSync } from "node:fs";
import { EngineError } from "../errors.ts";

/**
 * Makes a directory with those above it, or takes one that is there. Fails with `failed-precondition` where another user could put
 * something of his in it, or in its place: sockets, and links that the engine would follow as root.
 */
export function ensureOwnDirectory(path: string, mode: number): void {
  mkdirSync(path, { recursive: true, mode });
  const { uid, mode: actual } = statSync(path);
  if (uid !== process.geteuid?.()) throw unsafe(path, `belongs to user ${uid}`);
  if ((actual & 0o022) !== 0) throw unsafe(path, "can be written by others");
}

function unsafe(path: string, reason: string): EngineError {
  return new EngineError("failed-precondition", `directory ${path} ${reason}: the engine cannot trust what is in it`, {
    hint: `give --root and --run directories of root's own, or: chown root ${path} && chmod go-w ${path}`,
  });
}
