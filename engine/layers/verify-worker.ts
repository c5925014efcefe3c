import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { EngineError } from "../errors.ts";
import { errnoError } from "../host/errno.ts";
import { type BytePath, textOf } from "../lib/byte-path.ts";
import { digestOfHex } from "../oci/digest.ts";
import { compareListing } from "./compare-listing.ts";
import { TarComparison } from "./compare-tar.ts";
import { compareTrees } from "./compare-trees.ts";
import { hashTree } from "./hash-tree.ts";
import type { TaskRequest, TaskResponse } from "./layer-worker.ts";
import { TarParser } from "./tar-parser.ts";
import type { ReadWatch } from "./tar-source.ts";
import { readTar } from "./unpack-tar.ts";
import { type HashTask, problemLimit, type TarTask, type VerifyResults, type VerifyTask } from "./verify-tasks.ts";

/** Thread that looks after what is damaged: it answers as the layer worker does. */

/** Nobody waits for a check as for other work. Linux takes process 0 for the calling thread (setpriority(2), "C library/kernel differences"). */
setPriority(0, constants.priority.PRIORITY_LOW);

const progressInterval = 100;
const chunkSize = 1024 * 1024;

parentPort?.on("message", (request: TaskRequest<VerifyTask>) => void answer(request));

async function answer({ task, cancelled }: TaskRequest<VerifyTask>): Promise<void> {
  const isCancelled = (): boolean => Atomics.load(cancelled, 0) === 1;
  try {
    const result = await run(task, { isCancelled, onRead: createReporter() });
    if (isCancelled()) throw new EngineError("cancelled", "cancelled");
    respond({ kind: "done", result });
  } catch (error) {
    const known = isCancelled() ? new EngineError("cancelled", "cancelled") : errnoError(task.kind, error);
    respond({ kind: "failed", code: known.code, message: known.message, hint: known.hint });
  }
}

async function run(task: VerifyTask, watch: ReadWatch): Promise<VerifyResults[VerifyTask["kind"]]> {
  const { isCancelled } = watch;
  switch (task.kind) {
    case "hash":
      return hashFile(task, watch);
    case "tar":
      return await compareTar(task, watch);
    case "trees": {
      const options = { implicit: new Set(task.implicit), isCancelled };
      return { problems: sentences(compareTrees(task.expected, task.directory, options)) };
    }
    case "own":
      return hashTree(task.directory, isCancelled);
    case "listing":
      return { problems: sentences(compareListing(task, isCancelled)) };
  }
}

function hashFile({ path }: HashTask, watch: ReadWatch): VerifyResults["hash"] {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(chunkSize);
  const fd = openSync(path, "r");
  try {
    let size = 0;
    for (let read = 1; read > 0 && !watch.isCancelled(); size += read) {
      read = readSync(fd, buffer, 0, buffer.length, size);
      hash.update(buffer.subarray(0, read));
      watch.onRead(size + read);
    }
    return { digest: digestOfHex(hash.digest("hex")), size };
  } finally {
    closeSync(fd);
  }
}

async function compareTar(task: TarTask, watch: ReadWatch): Promise<VerifyResults["tar"]> {
  using comparison = new TarComparison(task.directory, task.implicit);
  const parser = new TarParser(comparison);
  const digests = await readTar(task.source, watch, (chunk) => parser.push(chunk));
  parser.finish();
  return { ...digests, problems: sentences(comparison.finish(watch.isCancelled)) };
}

function sentences(problems: ReadonlyMap<BytePath, string>): string[] {
  return [...problems].slice(0, problemLimit).map(([path, problem]) => `/${textOf(path)} ${problem}`);
}

function createReporter(): (bytes: number) => void {
  let last = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - last < progressInterval) return;
    last = now;
    respond({ kind: "progress", bytes });
  };
}

function respond(response: TaskResponse): void {
  parentPort?.postMessage(response);
}
