import { constants, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { EngineError } from "../../errors.ts";
import { errnoError } from "../../host/errno.ts";
import type { TaskRequest, TaskResponse } from "../../layers/layer-worker.ts";
import type { ScanTask } from "./scan-image.ts";
import { scanPackages } from "./scan-packages.ts";

/** Thread that looks for packages in file systems: it answers as the layer worker does. */

setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);

parentPort?.on("message", ({ task, cancelled }: TaskRequest<ScanTask>) => {
  const isCancelled = (): boolean => Atomics.load(cancelled, 0) === 1;
  try {
    respond({ kind: "done", result: scanPackages({ ...task, isCancelled }) });
  } catch (error) {
    const known = error instanceof EngineError ? error : errnoError("scan image", error);
    respond({ kind: "failed", code: known.code, message: known.message, hint: known.hint });
  }
});

function respond(response: TaskResponse): void {
  parentPort?.postMessage(response);
}
