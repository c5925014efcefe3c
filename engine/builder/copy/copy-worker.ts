import { parentPort } from "node:worker_threads";
import { EngineError } from "../../errors.ts";
import { errnoError } from "../../host/errno.ts";
import { stepBack } from "../../host/syscalls.ts";
import type { TaskRequest, TaskResponse } from "../../layers/layer-worker.ts";
import { copyFiles } from "./copy-files.ts";
import type { CopyTask, DigestTask, FilesTask, FilesWatch } from "./copy-tasks.ts";
import { digestFiles } from "./digest-files.ts";
import type { CopyDigest } from "./file-copier.ts";

/** Thread that finds, hashes and copies the files of a build: it answers as the layer worker does. */

const progressInterval = 100;

stepBack();
parentPort?.on("message", (request: TaskRequest<FilesTask>) => void answer(request));

async function answer({ task, cancelled }: TaskRequest<FilesTask>): Promise<void> {
  try {
    respond({ kind: "done", result: task.kind === "warm" ? null : await run(task, watchOf(task, cancelled)) });
  } catch (error) {
    const known = error instanceof EngineError ? error : errnoError(task.kind === "copy" ? "copy" : "read", error);
    respond({ kind: "failed", code: known.code, message: known.message, hint: known.hint });
  }
}

async function run(task: DigestTask | CopyTask, watch: FilesWatch): Promise<CopyDigest | null> {
  if (task.kind === "digest") return digestFiles(task, watch);
  await copyFiles(task, watch);
  return null;
}

function watchOf({ counts }: DigestTask | CopyTask, cancelled: Int32Array<SharedArrayBuffer>): FilesWatch {
  const isCancelled = () => Atomics.load(cancelled, 0) === 1;
  let last = performance.now();
  return {
    isCancelled,
    check: () => {
      if (isCancelled()) throw new EngineError("cancelled", "cancelled");
    },
    onFile: (bytes) => {
      Atomics.add(counts, 0, 1n);
      Atomics.add(counts, 1, BigInt(bytes));
      const now = performance.now();
      if (now - last < progressInterval) return;
      last = now;
      respond({ kind: "progress", bytes: 0 });
    },
  };
}

function respond(response: TaskResponse): void {
  parentPort?.postMessage(response);
}
