import { parentPort } from "node:worker_threads";
import { EngineError } from "../../errors.ts";
import { errnoError, errnoOf } from "../../host/errno.ts";
import type { TaskRequest, TaskResponse } from "../layer-worker.ts";
import { DamagedIndex } from "./block-file.ts";
import { FileComparer } from "./compare-stacks.ts";
import type { FilesTask, FilesTaskResults, Stack } from "./files-tasks.ts";
import { findWaste } from "./find-waste.ts";
import { IndexStore } from "./index-store.ts";
import { FileLister } from "./list-files.ts";
import { locateForArchive, readPage } from "./read-file.ts";

const store = new IndexStore();
const lister = new FileLister();
const comparer = new FileComparer(store);

parentPort?.on("message", (request: TaskRequest<FilesTask>) => {
  store.isCancelled = () => Atomics.load(request.cancelled, 0) === 1;
  respond(answer(request.task));
});

function answer(task: FilesTask): TaskResponse {
  try {
    return { kind: "done", result: runAgainIfDamaged(task) };
  } catch (error) {
    const known = knownError(error);
    return { kind: "failed", code: known.code, message: known.message, hint: known.hint };
  }
}

function knownError(error: unknown): EngineError {
  if (store.isCancelled()) return new EngineError("cancelled", "cancelled");
  if (error instanceof EngineError) return error;
  // A layer that was removed a moment ago.
  return errnoError("look at files", error, errnoOf(error) === "ENOENT" ? "not-found" : "internal");
}

function runAgainIfDamaged(task: FilesTask): FilesTaskResults[FilesTask["kind"]] {
  try {
    return run(task);
  } catch (error) {
    if (!(error instanceof DamagedIndex)) throw error;
    for (const stack of stacksOf(task)) store.forget(stack);
    return run(task);
  }
}

function run(task: FilesTask): FilesTaskResults[FilesTask["kind"]] {
  switch (task.kind) {
    case "list": {
      const open = store.openTree(task.view);
      return open === null ? { entries: [], total: 0 } : lister.list(open, task.query);
    }
    case "waste": {
      const open = store.openTree({ ...task.view, isOwn: false });
      if (open === null) return { efficiency: 1, wastedBytes: 0, totalBytes: 0, files: [] };
      return findWaste(open, task.limit);
    }
    case "read": {
      const open = store.openTree(task.view);
      if (open === null) throw new EngineError("not-found", "there are no files");
      return readPage(open, task);
    }
    case "locate": {
      const open = store.openTree(task.view);
      if (open === null) throw new EngineError("not-found", "there are no files");
      return locateForArchive(open, task);
    }
    case "compare":
      return comparer.compare(task);
    case "index":
      store.listings(task.stack);
      return null;
  }
}

function stacksOf(task: FilesTask): Stack[] {
  if (task.kind === "index") return [task.stack];
  if (task.kind === "compare") return [task.left.stack, task.right.stack];
  return [task.view.stack];
}

function respond(response: TaskResponse): void {
  parentPort?.postMessage(response);
}
