import { Worker } from "node:worker_threads";
import { EngineError, messageOf } from "../errors.ts";
import { releaseFreeMemory } from "../host/syscalls.ts";
import { workerURL } from "../lib/worker-url.ts";
import { leaveGarbage, releaseBytes } from "../lib/young-garbage.ts";
import type { PathStat } from "../protocol/archives.ts";
import { type ArchiveRequest, type ArchiveResponse, type ArchiveTask, shared } from "./archive-tasks.ts";

const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 256 };
/** A worker costs some 10 MB, and a slow client holds one as long as it likes. */
const limit = 16;
const idleTime = 5_000;
const memoryStep = 64 * 1024;

/** Threads that make and unpack archives: started when needed, one job at a time each, ended when idle. */
export class ArchiveWorkers implements AsyncDisposable {
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  readonly #busy = new Set<ArchiveJob>();
  #isClosed = false;

  /** Fails with `resource-exhausted` where too many are at work. */
  async start(task: ArchiveTask, signal: AbortSignal): Promise<ArchiveJob> {
    if (this.#isClosed) throw new EngineError("unavailable", "the engine stops");
    if (signal.aborted) throw new EngineError("cancelled", "cancelled");
    if (this.#busy.size >= limit) {
      throw new EngineError("resource-exhausted", `${limit} archives are being made or unpacked already`, {
        hint: "try again when one of them is done",
      });
    }
    const worker = this.#takeIdle() ?? this.#startWorker();
    const job: ArchiveJob = new ArchiveJob(worker, {
      task,
      signal,
      onEnd: (isUsable) => {
        this.#busy.delete(job);
        if (isUsable && !this.#isClosed) this.#rest(worker);
        else void worker.terminate();
      },
    });
    this.#busy.add(job);
    return job;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#busy].map((job) => job.cancel()));
    const workers = [...this.#idle.keys()];
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #startWorker(): Worker {
    const worker = new Worker(workerURL(import.meta.url, "archive-worker"), {
      resourceLimits,
      // Some descriptors come from calls that Node does not know of.
      trackUnmanagedFds: false,
    });
    // One that fails while idle must not take the engine down.
    worker.on("error", () => {});
    worker.on("exit", () => {
      clearTimeout(this.#idle.get(worker));
      this.#idle.delete(worker);
    });
    return worker;
  }

  #takeIdle(): Worker | null {
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(worker);
      worker.ref();
      return worker;
    }
    return null;
  }

  #rest(worker: Worker): void {
    worker.unref();
    const end = () => {
      this.#idle.delete(worker);
      void worker.terminate().then(() => releaseFreeMemory());
    };
    this.#idle.set(worker, setTimeout(end, idleTime).unref());
  }
}

/** Of views, all the memory they look at would be copied. `spare` is used where it is large enough, or else given back. */
function joined(parts: readonly Uint8Array[], spare: ArrayBuffer | null): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(memoryFor(size, spare), 0, size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
    releaseBytes(part);
  }
  // What they came in.
  leaveGarbage(at);
  return whole;
}

/** In steps, since one piece is a little longer than another. */
function memoryFor(size: number, spare: ArrayBuffer | null): ArrayBuffer {
  if (spare !== null && spare.byteLength >= size) return spare;
  spare?.transfer(0);
  return new ArrayBuffer(Math.ceil(size / memoryStep) * memoryStep);
}

type JobOptions = {
  readonly task: ArchiveTask;
  readonly signal: AbortSignal;
  readonly onEnd: (isUsable: boolean) => void;
};

/** One task under way in a worker that is its own. Must be disposed: that ends it, and gives the worker back. */
export class ArchiveJob implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #options: JobOptions;
  readonly #memory = new Int32Array(new SharedArrayBuffer(4 * shared.length));
  readonly #messages: ArchiveResponse[] = [];
  readonly #ended = Promise.withResolvers<void>();
  readonly #onMessage = (message: ArchiveResponse) => this.#take(message);
  readonly #onLoss = (reason: unknown) => this.#lose(reason instanceof Error ? messageOf(reason) : "it ended");
  readonly #onAbort = () => void this.cancel();
  /** What the last piece went in. */
  #spare: ArrayBuffer | null = null;
  #wake: (() => void) | null = null;
  #isOver = false;
  #isCancelled = false;

  constructor(worker: Worker, options: JobOptions) {
    this.#worker = worker;
    this.#options = options;
    worker.on("message", this.#onMessage);
    worker.on("error", this.#onLoss);
    worker.on("exit", this.#onLoss);
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#post({ kind: "task", task: options.task, memory: this.#memory });
  }

  async stat(): Promise<PathStat> {
    const message = await this.#next();
    if (message.kind === "stat") return message.stat;
    throw new EngineError("internal", `archive worker: ${message.kind} came for stat`);
  }

  /** Resolves when the worker takes the next piece of an archive. */
  async ready(): Promise<void> {
    const message = await this.#next();
    this.#spare = message.kind === "next" ? message.memory : null;
  }

  /** The next piece of an archive, given in parts, or null after the last. */
  send(parts: readonly Uint8Array[] | null): void {
    const own = parts === null ? null : joined(parts, this.#spare);
    this.#worker.postMessage({ kind: "chunk", bytes: own } satisfies ArchiveRequest, own === null ? [] : [own.buffer]);
  }

  async result(): Promise<unknown> {
    const message = await this.#next();
    if (message.kind === "done") return message.result;
    throw new EngineError("internal", `archive worker: ${message.kind} came for the result`);
  }

  /** The archive. Pieces come no faster than they are taken. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const message = await this.#next();
      if (message.kind !== "chunk") return;
      yield message.bytes;
      Atomics.add(this.#memory, shared.taken, 1);
      Atomics.notify(this.#memory, shared.taken);
    }
  }

  async *chunksThenEnd(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.chunks();
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  /** Ends the work; resolves when the worker has let go of it. */
  async cancel(): Promise<void> {
    if (this.#isOver) return;
    this.#isCancelled = true;
    Atomics.store(this.#memory, shared.cancelled, 1);
    Atomics.notify(this.#memory, shared.taken);
    if (this.#options.task.kind === "unpack-into") this.#post({ kind: "abort" });
    this.#wake?.();
    await this.#ended.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
    this.#options.signal.removeEventListener("abort", this.#onAbort);
  }

  async #next(): Promise<ArchiveResponse> {
    for (;;) {
      if (this.#isCancelled) throw new EngineError("cancelled", "cancelled");
      const message = this.#messages.shift();
      if (message?.kind === "failed") throw new EngineError(message.code, message.message, { hint: message.hint });
      if (message !== undefined) return message;
      if (this.#isOver) throw new EngineError("internal", "the archive worker failed");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #post(request: ArchiveRequest): void {
    this.#worker.postMessage(request);
  }

  #take(message: ArchiveResponse): void {
    this.#messages.push(message);
    if (message.kind === "done" || message.kind === "failed") this.#end(true);
    this.#wake?.();
  }

  #lose(reason: string): void {
    if (this.#isOver) return;
    const message = `the archive worker failed: ${reason}`;
    this.#messages.push({ kind: "failed", code: "internal", message, hint: null });
    this.#end(false);
    this.#wake?.();
  }

  #end(isUsable: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#worker.off("message", this.#onMessage);
    this.#worker.off("error", this.#onLoss);
    this.#worker.off("exit", this.#onLoss);
    this.#options.onEnd(isUsable);
    this.#ended.resolve();
  }
}
