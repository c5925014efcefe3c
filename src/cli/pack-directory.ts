import { createReadStream, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";

const chunkSize = 1 << 20;

/** An OCI layout directory as tar: files only, since a layout has nothing else. */
export async function* packDirectory(directory: string): AsyncIterable<Uint8Array> {
  const tar = pack();
  const packed = addFiles(tar, directory).then(
    () => tar.finalize(),
    (error) => tar.destroy(error),
  );
  yield* tar as AsyncIterable<Buffer>;
  await packed;
}

async function addFiles(tar: ReturnType<typeof pack>, directory: string): Promise<void> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const { size } = statSync(file);
    const entry = tar.entry({ name: file.slice(directory.length).replace(/^\/+/, ""), size, mode: 0o644 });
    await pipeline(createReadStream(file, { highWaterMark: chunkSize }), entry);
  }
}
