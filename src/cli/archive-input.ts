import { createReadStream, fstatSync, openSync, statSync } from "node:fs";
import { EngineError, messageOf } from "../../engine/errors.ts";
import type { Archive } from "../client/upload.ts";

const chunkSize = 1 << 20;

/**
 * The bytes of an archive: a file, `-` for stdin, or a directory, which becomes a tar on the way. Fails with `not-found` or
 * `invalid-argument` before anything is read.
 */
export function openArchive(path: string): Archive {
  if (path === "-") {
    if (process.stdin.isTTY) {
      throw new EngineError("invalid-argument", "no archive: stdin is a terminal", {
        hint: "name a file, or redirect one to stdin",
      });
    }
    return process.stdin;
  }
  if (isDirectory(path)) return packLater(path);
  return openFile(path);
}

/** A regular file is offered to the engine, which may be on this host and read it faster than it can be sent. */
function openFile(path: string): Archive {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    throw new EngineError("invalid-argument", `archive ${path}: ${messageOf(cause)}`, { cause });
  }
  const found = fstatSync(fd, { bigint: true });
  const stream = createReadStream(path, { fd, highWaterMark: chunkSize });
  if (!found.isFile()) return stream;
  const file = { pid: process.pid, fd, device: String(found.dev), inode: String(found.ino) };
  return Object.assign(stream, { openFile: file });
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
