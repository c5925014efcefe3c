import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { errnoError } from "../host/errno.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { type DiffID, digestOfHex } from "../oci/digest.ts";
import { LayerExtractor } from "./layer-extractor.ts";
import { formatRecord, recordOf } from "./layer-record.ts";
import { scanUsage } from "./layer-scan.ts";
import type { TarDigests, TarFile, UnpackedTar, UnpackTask } from "./layer-tasks.ts";
import { TarParser } from "./tar-parser.ts";
import { type ReadWatch, TarSource } from "./tar-source.ts";

/** Does an unpack task: bytes are hashed and unpacked as they come. Synchronous but for decompression and waiting: for workers. */
export async function unpackTar(task: UnpackTask, watch: ReadWatch): Promise<UnpackedTar & TarDigests> {
  try {
    const fs = join(task.target, "fs");
    mkdirSync(fs, { recursive: true });
    chmodSync(fs, 0o755);
    const unpacked = await extract(task, fs, watch);
    writeFileSync(join(task.target, "layer.json"), formatRecord(recordOf(unpacked)), { mode: 0o600 });
    return unpacked;
  } catch (error) {
    throw errnoError("unpack layer", error);
  }
}

async function extract(task: UnpackTask, fs: string, watch: ReadWatch): Promise<UnpackedTar & TarDigests> {
  using extractor = new LayerExtractor(bytePathOf(fs), bytePathOf(task.target));
  const parser = new TarParser(extractor);
  const digests = await readTar(task.source, watch, (chunk) => parser.push(chunk));
  parser.finish();
  const implicit = extractor.finish();
  // What was replaced was counted as well.
  const size = extractor.hasReplaced ? scanUsage(bytePathOf(fs), []).size : extractor.size;
  return { ...digests, size, entries: parser.entries, implicit, hasRoot: extractor.hasRoot };
}

/** Does a digest task. Fails with `corrupt` for broken compressed data; whether a tar is in it does not matter. */
export async function digestTar(source: TarFile, watch: ReadWatch): Promise<TarDigests> {
  try {
    return await readTar(source, watch, () => {});
  } catch (error) {
    throw errnoError("read layer", error);
  }
}

/** Reads a tar to the end of its file, and gives its plain bytes to `use`. */
export async function readTar(file: TarFile, watch: ReadWatch, use: (chunk: Buffer) => void): Promise<TarDigests> {
  using source = new TarSource(file, watch);
  const hash = createHash("sha256");
  let total = 0;
  for await (const chunk of source.plainBytes()) {
    if (watch.isCancelled()) throw new EngineError("cancelled", "cancelled");
    if (!source.isPlain) hash.update(chunk);
    use(chunk);
    total += chunk.length;
  }
  if (total === 0) throw new EngineError("corrupt", "the tar is empty");
  const digest = await source.digest();
  return { digest, diffID: (source.isPlain ? digest : digestOfHex(hash.digest("hex"))) as DiffID };
}
