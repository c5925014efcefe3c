import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { LayerExtractor } from "./layer-extractor.ts";
import type { SquashTask, UnpackedTar } from "./layer-tasks.ts";
import { packTree } from "./pack-tree.ts";
import { sealTree } from "./seal-tree.ts";
import { TarParser } from "./tar-parser.ts";
import { TarWriter } from "./tar-writer.ts";

/** Does a squash task. What it has made is the caller's, also where it fails. Synchronous: for workers. */
export function squashLayers(task: SquashTask, isCancelled: () => boolean): UnpackedTar {
  const fs = join(task.target, "fs");
  mkdirSync(fs, { recursive: true });
  chmodSync(fs, 0o755);
  const directory = bytePathOf(fs);
  extract(task, directory, isCancelled);
  return sealTree({ kind: "seal", directory, below: [], mountPoints: [], latest: task.latest }, isCancelled);
}

function extract({ directories, below, target }: SquashTask, directory: string, isCancelled: () => boolean): void {
  using extractor = new LayerExtractor(directory, bytePathOf(target));
  const parser = new TarParser(extractor);
  const writer = new TarWriter((chunk) => {
    if (isCancelled()) throw new EngineError("cancelled", "cancelled");
    parser.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  });
  packTree(writer, { paths: directories }, { path: "", layer: { below, mountPoints: [] } });
  writer.finish();
  parser.finish();
  extractor.finish();
}
