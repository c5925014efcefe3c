import { EngineError } from "../errors.ts";

/** What is read here by Node itself: of layers, too, which are kept as they come. */
export type Compression = "none" | "gzip" | "zstd";
/** What archives may have beside: a program of the host reads it. */
export type ForeignCompression = "xz" | "bzip2";

/** Bytes at a stream's begin that tell its compression. */
export const magicSize = 6;

/** Tells by a stream's first bytes how it is compressed. */
export function findCompression(magic: Buffer): Compression | ForeignCompression {
  const hex = magic.toString("hex", 0, magicSize);
  if (hex.startsWith("1f8b")) return "gzip";
  // A frame of zstd, or one it skips (RFC 8878, sections 3.1.1 and 3.1.2).
  if (hex.startsWith("28b52ffd") || /^5[0-9a-f]2a4d18/.test(hex)) return "zstd";
  if (hex.startsWith("fd377a585a00")) return "xz";
  return hex.startsWith("425a68") ? "bzip2" : "none";
}

/** The same, of a layer. Fails with `unimplemented` for what layers may not have. */
export function compressionOf(magic: Buffer): Compression {
  const found = findCompression(magic);
  if (found !== "xz" && found !== "bzip2") return found;
  throw new EngineError("unimplemented", `layer is compressed with ${found}, which is not supported`, {
    hint: `pass it through \`${found} -dc\` first`,
  });
}
