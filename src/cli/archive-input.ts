import { createReadStream, statSync } from "node:fs";
import { EngineError, messageOf } from "../../engine/errors.ts";

const chunkSize = 1 << 20;

/**
 * The bytes of an archive: a file, `-` for stdin, or a directory, which becomes a tar on the way. Fails with `not-found` or
 * `invalid-argument` before anything is read.
 */
export function openArchive(path: string): AsyncIterable<Uint8Array> {
  if (path === "-") {
    if (process.stdin.isTTY) {
      throw new EngineError("invalid-argument", "no archive: stdin is a terminal", {
        hint: "name a file, or redirect one to stdin",
      });
    }
    return process.stdin;
  }
  if (isDirectory(path)) return packLater(path);
  return createReadStream(path, { highWaterMark: chunkSize });
}

/** Says of a failure which archive it was about. */
export async function aboutArchive<T>(doing: string, path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw EngineError.wrap(`${doing} ${path === "-" ? "stdin" : path}`, error);
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (missing) throw new EngineError("not-found", `archive ${path}: no such file or directory`, { cause });
    throw new EngineError("invalid-argument", `archive ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** What packs is loaded only for a directory. */
async function* packLater(directory: string): AsyncIterable<Uint8Array> {
  const { packDirectory } = await import("./pack-directory.ts");
  yield* packDirectory(directory);
}
