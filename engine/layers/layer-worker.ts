import { parentPort } from "node:worker_threads";
import { EngineError, type ErrorCode } from "../errors.ts";
import { errnoError } from "../host/errno.ts";
import { stepBack } from "../host/syscalls.ts";
import { settleDirectories } from "./implicit-directories.ts";
import { scanChanges, scanUsage } from "./layer-scan.ts";
import type { LayerTask, LayerTaskResults } from "./layer-tasks.ts";
import { removeTree } from "./remove-tree.ts";
import { sealTree } from "./seal-tree.ts";
import { squashLayers } from "./squash-layers.ts";
import type { ReadWatch } from "./tar-source.ts";
import { digestTar, unpackTar } from "./unpack-tar.ts";

/** Main thread to worker, one at a time. `cancelled` is shared memory: a worker deep in system calls reads no messages. */
export type TaskRequest<Task = LayerTask> = {
  readonly task: Task;
  readonly cancelled: Int32Array<SharedArrayBuffer>;
};
export type TaskResponse =
  | { readonly kind: "progress"; readonly bytes: number }
  | { readonly kind: "done"; readonly result: unknown }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly hint: string | null };

const progressInterval = 100;

stepBack();
parentPort?.on("message", (request: TaskRequest) => void answer(request));

async function answer(request: TaskRequest): Promise<void> {
  try {
    respond({ kind: "done", result: await run(request) });
  } catch (error) {
    const known = error instanceof EngineError ? error : errnoError(request.task.kind, error);
    respond({ kind: "failed", code: known.code, message: known.message, hint: known.hint });
  }
}

async function run({ task, cancelled }: TaskRequest): Promise<LayerTaskResults[LayerTask["kind"]]> {
  switch (task.kind) {
    case "unpack":
      return await unpackTar(task, watchOf(cancelled));
    case "digest":
      return await digestTar(task.source, watchOf(cancelled));
    case "settle":
      settleDirectories(task);
      return null;
    case "remove":
      removeTree(task.path, task.parking);
      return null;
    case "changes":
      return scanChanges(task.upper, task.lower, task);
    case "usage":
      return scanUsage(task.upper, task.lower, task.mountPoints);
    case "seal":
      return sealTree(task, watchOf(cancelled).isCancelled);
    case "squash":
      return squashLayers(task, watchOf(cancelled).isCancelled);
  }
}

function watchOf(cancelled: Int32Array<SharedArrayBuffer>): ReadWatch {
  return { isCancelled: () => Atomics.load(cancelled, 0) === 1, onRead: createReporter() };
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
