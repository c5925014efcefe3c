import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { EngineError } from "../../errors.ts";
import { errnoError, errnoOf } from "../../host/errno.ts";
import { failureOf, httpGet, parseAddress, shown } from "./http-get.ts";

export type DownloadOptions = {
  /** Of a new file. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** `sha256:…`, `sha384:…` or `sha512:…`; null: whatever comes. */
  readonly checksum: string | null;
  /** Bytes so far. */
  readonly onProgress?: (bytes: number) => void;
};

/** modifiedAt: of Last-Modified, seconds since 1970; docker takes 0 where there is none. */
export type Download = { readonly modifiedAt: number };

const sizes: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Fetches a URL into a file. Fails as httpGet does, with `corrupt` where the checksum is another one, and with `resource-exhausted`. */
export async function download(address: string, options: DownloadOptions): Promise<Download> {
  const { path, signal, onProgress } = options;
  const checksum = parseChecksum(options.checksum);
  const answer = await httpGet(address, signal);
  const url = parseAddress(address);
  const hash = createHash(checksum?.algorithm ?? "sha256");
  let bytes = 0;
  try {
    await checkSpace(path, Number(answer.headers["content-length"] ?? 0));
    const count = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        onProgress?.(bytes);
        yield chunk;
      }
    };
    await pipeline(answer, count, createWriteStream(path, { flags: "wx", mode: 0o600 }), { signal });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOSPC" || errno === "EDQUOT" || errno === "EFBIG") throw errnoError(`fetch ${shown(url)}`, error);
    throw failureOf(url, error, signal);
  } finally {
    answer.destroy();
  }
  const actual = `${checksum?.algorithm}:${hash.digest("hex")}`;
  if (checksum !== null && actual !== checksum.text) {
    throw new EngineError("corrupt", `digest mismatch for ${shown(url)}: ${actual} (expected: ${checksum.text})`);
  }
  const modified = Date.parse(answer.headers["last-modified"] ?? "");
  return { modifiedAt: Number.isNaN(modified) ? 0 : modified / 1000 };
}

function parseChecksum(text: string | null): { text: string; algorithm: string } | null {
  if (text === null || text === "") return null;
  const [algorithm = "", hex = "", ...more] = text.split(":");
  if (more.length === 0 && sizes[algorithm] === hex.length && /^[0-9a-f]+$/.test(hex)) return { text, algorithm };
  throw new EngineError("invalid-argument", `invalid checksum digest format ${JSON.stringify(text)}`, {
    hint: "write it as sha256: and 64 hex digits",
  });
}

async function checkSpace(path: string, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  if (size <= bavail * bsize) return;
  throw new EngineError("resource-exhausted", `the file has ${size} bytes: more than what is free on the disk`);
}
