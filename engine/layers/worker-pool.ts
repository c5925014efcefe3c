import type { Worker } from "node:worker_threads";
import { EngineError } from "../errors.ts";
import { workerURL } from "../lib/worker-url.ts";
import type { LayerTask, LayerTaskResults } from "./layer-tasks.ts";
import type { TaskRequest, TaskResponse } from "./layer-worker.ts";
import { WorkerStock } from "./worker-stock.ts";

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

/**
 * Threads for the synchronous work on layers: started when needed, one task at a time each, ended when idle. `worker` is what runs in
 * them: the layer worker, or one that answers other tasks in the same way.
 */
export class WorkerPool<Task extends { readonly kind: string } = LayerTask, Results = LayerTaskResults>
  implements AsyncDisposable
{
  readonly #limit: number;
  readonly #stock: WorkerStock;
  readonly #busy = new Map<Worker, Job>();
  readonly #queue: Job[] = [];
  readonly #holder = {
    onMessage: (worker: Worker, message: unknown) => this.#receive(worker, message as TaskResponse),
    onLoss: (worker: Worker, reason: string) => this.#lose(worker, reason),
  };
  #isClosed = false;

  constructor(limit: number, worker = workerURL(import.meta.url, "layer-worker")) {
    this.#limit = limit;
    this.#stock = WorkerStock.join(worker);
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

  /** To be called where a task will come soon. */
  warm(): void {
    if (!this.#isClosed) this.#stock.warm();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const job of [...this.#queue, ...this.#busy.values()]) this.#cancel(job);
    // A worker in the middle of system calls is let come to the end of its task, not cut off.
    await Promise.allSettled([...this.#busy.values()].map((job) => job.ended));
    await this.#stock.leave();
  }

  #cancel(job: Job): void {
    Atomics.store(job.request.cancelled, 0, 1);
    const queued = this.#queue.indexOf(job);
    if (queued === -1) return;
    this.#queue.splice(queued, 1);
    job.reject(cancelled());
  }

  #next(): void {
    if (this.#busy.size >= this.#limit) return;
    const job = this.#queue.shift();
    if (job === undefined) return;
    const worker = this.#stock.take(this.#holder);
    this.#busy.set(worker, job);
    worker.postMessage(job.request);
  }

  #receive(worker: Worker, response: TaskResponse): void {
    const job = this.#busy.get(worker);
    if (job === undefined) return;
    if (response.kind === "progress") {
      job.onProgress(response.bytes);
      return;
    }
    this.#busy.delete(worker);
    this.#stock.giveBack(worker);
    if (response.kind === "done") job.resolve(response.result);
    else job.reject(new EngineError(response.code, response.message, { hint: response.hint }));
    this.#next();
  }

  #lose(worker: Worker, reason: string): void {
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
