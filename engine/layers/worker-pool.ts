import { Worker } from "node:worker_threads";
import { EngineError, messageOf } from "../errors.ts";
import { releaseFreeMemory } from "../host/syscalls.ts";
import { workerURL } from "../lib/worker-url.ts";
import type { LayerTask, LayerTaskResults } from "./layer-tasks.ts";
import type { TaskRequest, TaskResponse } from "./layer-worker.ts";

export type TaskOptions = {
  readonly signal?: AbortSignal;
  readonly onProgress?: ((bytes: number) => void) | undefined;
};

type Job = {
  readonly request: TaskRequest<unknown>;
  readonly onProgress: (bytes: number) => void;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly ended: Promise<unknown>;
};

/** A small nursery, since V8 keeps its pages when the worker is gone; and an end to what a tar can make a worker remember. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 512 };
/** A worker costs some 10 MB; an engine at rest has none. */
const idleTime = 5_000;

/**
 * Threads for the synchronous work on layers: started when needed, one task at a time each, ended when idle. `worker` is what runs in
 * them: the layer worker, or one that answers other tasks in the same way.
 */
export class WorkerPool<Task extends { readonly kind: string } = LayerTask, Results = LayerTaskResults>
  implements AsyncDisposable
{
  readonly #limit: number;
  readonly #worker: URL;
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  readonly #busy = new Map<Worker, Job>();
  readonly #queue: Job[] = [];
  #isClosed = false;

  constructor(limit: number, worker = workerURL(import.meta.url, "layer-worker")) {
    this.#limit = limit;
    this.#worker = worker;
  }

  /** Fails with what the task failed with, or `cancelled`; the task has ended by then. */
  async run<T extends Task>(task: T, options: TaskOptions = {}): Promise<Results[T["kind"] & keyof Results]> {
    if (this.#isClosed) throw new EngineError("unavailable", "the layer store is closed");
    if (options.signal?.aborted) throw cancelled();
    const request: TaskRequest<Task> = { task, cancelled: new Int32Array(new SharedArrayBuffer(4)) };
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const job: Job = { request, resolve, reject, ended: promise, onProgress: options.onProgress ?? (() => {}) };
    const cancel = () => this.#cancel(job);
    options.signal?.addEventListener("abort", cancel, { once: true });
    this.#queue.push(job);
    this.#next();
    try {
      return (await promise) as Results[T["kind"] & keyof Results];
    } finally {
      options.signal?.removeEventListener("abort", cancel);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const job of [...this.#queue, ...this.#busy.values()]) this.#cancel(job);
    // A worker in the middle of system calls is let come to the end of its task, not cut off.
    await Promise.allSettled([...this.#busy.values()].map((job) => job.ended));
    const workers = [...this.#idle.keys()];
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #cancel(job: Job): void {
    Atomics.store(job.request.cancelled, 0, 1);
    const queued = this.#queue.indexOf(job);
    if (queued === -1) return;
    this.#queue.splice(queued, 1);
    job.reject(cancelled());
  }

  #next(): void {
    const job = this.#queue[0];
    if (job === undefined) return;
    const worker = this.#takeIdle() ?? this.#start();
    if (worker === null) return;
    this.#queue.shift();
    this.#busy.set(worker, job);
    worker.ref();
    worker.postMessage(job.request);
  }

  #takeIdle(): Worker | null {
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(worker);
      return worker;
    }
    return null;
  }

  #start(): Worker | null {
    if (this.#busy.size >= this.#limit) return null;
    const worker = new Worker(this.#worker, { resourceLimits });
    worker.on("message", (response: TaskResponse) => this.#receive(worker, response));
    worker.on("error", (error) => this.#lose(worker, messageOf(error)));
    worker.on("exit", () => this.#lose(worker, "it ended"));
    return worker;
  }

  #receive(worker: Worker, response: TaskResponse): void {
    const job = this.#busy.get(worker);
    if (job === undefined) return;
    if (response.kind === "progress") {
      job.onProgress(response.bytes);
      return;
    }
    this.#busy.delete(worker);
    this.#rest(worker);
    if (response.kind === "done") job.resolve(response.result);
    else job.reject(new EngineError(response.code, response.message, { hint: response.hint }));
    this.#next();
  }

  #rest(worker: Worker): void {
    worker.unref();
    const end = () => {
      this.#idle.delete(worker);
      void worker.terminate().then(() => releaseFreeMemory());
    };
    this.#idle.set(worker, setTimeout(end, idleTime).unref());
  }

  #lose(worker: Worker, reason: string): void {
    clearTimeout(this.#idle.get(worker));
    this.#idle.delete(worker);
    const job = this.#busy.get(worker);
    if (job === undefined) return;
    this.#busy.delete(worker);
    job.reject(new EngineError("internal", `the layer worker failed: ${reason}`));
    this.#next();
  }
}

function cancelled(): EngineError {
  return new EngineError("cancelled", "cancelled");
}
