import { createHash } from "node:crypto";
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { errnoError } from "../host/errno.ts";
import { syncfs } from "../host/syscalls.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { type DiffID, digestOfHex } from "../oci/digest.ts";
import { LayerExtractor } from "./layer-extractor.ts";
import { formatRecord, recordOf } from "./layer-record.ts";
import { scanUsage } from "./layer-scan.ts";
import type { UnpackedTar, UnpackTask } from "./layer-tasks.ts";
import { TarParser } from "./tar-parser.ts";
import { readTar } from "./tar-source.ts";

export type UnpackWatch = { readonly isCancelled: () => boolean; readonly onRead: (bytes: number) => void };

/** Does an unpack task: bytes are hashed and unpacked as they come. Synchronous but for decompression: for workers. */
export async function unpackTar(task: UnpackTask, watch: UnpackWatch): Promise<UnpackedTar> {
  try {
    const fs = join(task.target, "fs");
    mkdirSync(fs, { recursive: true });
    chmodSync(fs, 0o755);
    const unpacked = await extract(task, fs, watch);
    writeFileSync(join(task.target, "layer.json"), formatRecord(recordOf(unpacked)), { mode: 0o600 });
    makeDurable(task.target);
    return unpacked;
  } catch (error) {
    throw errnoError("unpack layer", error);
  }
}

async function extract(task: UnpackTask, fs: string, watch: UnpackWatch): Promise<UnpackedTar> {
  using extractor = new LayerExtractor(bytePathOf(fs), bytePathOf(task.target));
  const parser = new TarParser(extractor);
  const hash = createHash("sha256");
  let total = 0;
  for await (const chunk of readTar(task.source, watch.onRead)) {
    if (watch.isCancelled()) throw new EngineError("cancelled", "cancelled");
    hash.update(chunk);
    parser.push(chunk);
    total += chunk.length;
  }
  if (total === 0) throw new EngineError("corrupt", "the tar is empty");
  parser.finish();
  const implicit = extractor.finish();
  // What was replaced was counted as well.
  const size = extractor.hasReplaced ? scanUsage(bytePathOf(fs), []).size : extractor.size;
  const diffID = digestOfHex(hash.digest("hex")) as DiffID;
  return { diffID, size, entries: parser.entries, implicit, hasRoot: extractor.hasRoot };
}

/** A layer that has its name must survive a power cut whole, so everything in it goes to the disk first. */
function makeDurable(directory: string): void {
  const fd = openSync(directory, "r");
  try {
    syncfs(fd);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
