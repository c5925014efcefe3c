import { pipeline, Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, messageOf } from "../errors.ts";
import { ByteReader } from "./byte-reader.ts";

/** Larger chunks double gunzip's speed. */
const chunkSize = 256 * 1024;

/**
 * Gives the plain bytes of a stream that may be gzip or zstd; told by its first bytes. Fails with `corrupt` for broken compressed
 * data, `unimplemented` for other compressions.
 */
export async function* decompress(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(chunks);
  try {
    const decoder = decoderFor(await reader.peek(6));
    if (decoder === null) yield* reader.rest();
    else yield* through(reader, decoder);
  } finally {
    await reader.close();
  }
}

async function* through(reader: ByteReader, decoder: Transform): AsyncGenerator<Uint8Array> {
  let sourceFailure: unknown = null;
  const source = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* reader.rest();
    } catch (error) {
      sourceFailure = error;
      throw error;
    }
  };
  // The callback form: failures reach the loop below through the decoder, which pipeline destroys with them.
  pipeline(Readable.from(source(), { objectMode: false, highWaterMark: chunkSize }), decoder, () => {});
  try {
    for await (const chunk of decoder) yield chunk as Buffer;
  } catch (error) {
    if (sourceFailure !== null) throw sourceFailure;
    throw new EngineError("corrupt", `compressed data is broken: ${messageOf(error)}`, { cause: error });
  }
}

function decoderFor(magic: Buffer): Transform | null {
  switch (compressionOf(magic)) {
    case "none":
      return null;
    case "gzip":
      return createGunzip({ chunkSize });
    case "zstd":
      return createZstdDecompress({ chunkSize });
  }
}

export type Compression = "none" | "gzip" | "zstd";

/** Tells by a stream's first six bytes how it is compressed. Fails with `unimplemented` for what nothing here reads. */
export function compressionOf(magic: Buffer): Compression {
  const hex = magic.toString("hex", 0, 6);
  if (hex.startsWith("1f8b")) return "gzip";
  // A frame of zstd, or one it skips (RFC 8878, sections 3.1.1 and 3.1.2).
  if (hex.startsWith("28b52ffd") || /^5[0-9a-f]2a4d18/.test(hex)) return "zstd";
  const foreign = hex.startsWith("fd377a585a00") ? "xz" : hex.startsWith("425a68") ? "bzip2" : null;
  if (foreign === null) return "none";
  throw new EngineError("unimplemented", `archive is compressed with ${foreign}, which is not supported`, {
    hint: `pass it through \`${foreign} -dc\` first`,
  });
}
