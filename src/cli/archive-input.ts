import { createReadStream, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
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
  if (isDirectory(path)) return packDirectory(path);
  return createReadStream(path, { highWaterMark: chunkSize });
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

/** An OCI layout directory as tar: files only, since a layout has nothing else. */
async function* packDirectory(directory: string): AsyncIterable<Uint8Array> {
  const { pack } = await import("tar-stream");
  const tar = pack();
  const packed = addFiles(tar, directory).then(
    () => tar.finalize(),
    (error) => tar.destroy(error),
  );
  yield* tar as AsyncIterable<Buffer>;
  await packed;
}

type Pack = ReturnType<typeof import("tar-stream").pack>;

async function addFiles(tar: Pack, directory: string): Promise<void> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const { size } = statSync(file);
    const entry = tar.entry({ name: file.slice(directory.length).replace(/^\/+/, ""), size, mode: 0o644 });
    await pipeline(createReadStream(file, { highWaterMark: chunkSize }), entry);
  }
}
