import { closeSync, createReadStream, openSync, readSync } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, messageOf } from "../errors.ts";
import { errnoError, errnoOf } from "../host/errno.ts";
import { compressionOf } from "../lib/decompress.ts";

const chunkSize = 1024 * 1024;
/** Output of gunzip in pieces of 16 KiB, its default, takes more than twice as long. */
const inflateChunkSize = 256 * 1024;

/**
 * Reads a file and gives its uncompressed bytes. A chunk is valid until the next is asked for. `onRead` gets the bytes of the file read so
 * far. Fails with `corrupt` where the compressed data is broken or ends early.
 */
export async function* readTar(path: string, onRead: (bytes: number) => void): AsyncGenerator<Buffer, void> {
  const fd = openSync(path, "r");
  try {
    const start = Buffer.alloc(6);
    const compression = compressionOf(start.subarray(0, readSync(fd, start, 0, start.length, 0)));
    if (compression === "none") yield* readPlain(fd, onRead);
    else yield* readCompressed(path, compression, onRead);
  } finally {
    closeSync(fd);
  }
}

function* readPlain(fd: number, onRead: (bytes: number) => void): Generator<Buffer, void> {
  const buffer = Buffer.allocUnsafe(chunkSize);
  for (let total = 0; ; ) {
    const size = readSync(fd, buffer, 0, chunkSize, total);
    if (size === 0) return;
    total += size;
    onRead(total);
    yield buffer.subarray(0, size);
  }
}

async function* readCompressed(
  path: string,
  compression: "gzip" | "zstd",
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  const file = createReadStream(path, { highWaterMark: chunkSize });
  const inflate =
    compression === "gzip"
      ? createGunzip({ chunkSize: inflateChunkSize })
      : createZstdDecompress({ chunkSize: inflateChunkSize });
  file.on("error", (error) => inflate.destroy(error));
  file.on("data", () => onRead(file.bytesRead));
  file.pipe(inflate);
  try {
    yield* inflate as Readable as AsyncIterable<Buffer>;
  } catch (error) {
    if (errnoOf(error) !== null) throw errnoError("read the archive", error);
    throw new EngineError("corrupt", `the ${compression} data is broken: ${messageOf(error)}`, { cause: error });
  } finally {
    file.destroy();
    inflate.destroy();
  }
}
