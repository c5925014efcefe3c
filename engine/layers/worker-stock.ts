import { Worker } from "node:worker_threads";
import { messageOf } from "../errors.ts";
import { releaseFreeMemory } from "../host/syscalls.ts";

/** Who has a worker at the moment. */
export type WorkerHolder = {
  readonly onMessage: (worker: Worker, message: unknown) => void;
  /** It is gone. */
  readonly onLoss: (worker: Worker, reason: string) => void;
};

/** A small nursery, since V8 keeps its pages when the worker is gone; and an end to what a tar can make a worker remember. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 512 };
/** Milliseconds of work without a pause that leave memory worth giving back. */
const longWork = 200;
/** A worker costs some 13 MB; an engine at rest has none. */
const idleTime = 5_000;

/** Workers of one kind for several pools: what one of them needs no more, the next one takes. */
export class WorkerStock {
  static readonly #stocks = new Map<string, WorkerStock>();

  readonly #file: URL;
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  readonly #holders = new Map<Worker, WorkerHolder>();
  #users = 0;
  #busySince = 0;

  private constructor(file: URL) {
    this.#file = file;
  }

  /** To be left when it is needed no more. */
  static join(file: URL): WorkerStock {
    const stock = WorkerStock.#stocks.get(file.href) ?? new WorkerStock(file);
    WorkerStock.#stocks.set(file.href, stock);
    stock.#users++;
    return stock;
  }

  /** The last one who leaves ends the workers that rest. */
  async leave(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    const workers = [...this.#idle.keys()];
    for (const timer of this.#idle.values()) clearTimeout(timer);
    this.#idle.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  take(holder: WorkerHolder): Worker {
    if (this.#holders.size === 0) this.#busySince = performance.now();
    const worker = this.#takeIdle() ?? this.#start();
    this.#holders.set(worker, holder);
    worker.ref();
    return worker;
  }

  /** Starts one where there is none: who needs it soon need not wait for it. */
  warm(): void {
    if (this.#idle.size + this.#holders.size === 0) this.giveBack(this.#start());
  }

  /** Its task has ended: anyone may have it. */
  giveBack(worker: Worker): void {
    this.#holders.delete(worker);
    worker.unref();
    const end = () => {
      this.#idle.delete(worker);
      void worker.terminate().then(() => releaseFreeMemory());
    };
    this.#idle.set(worker, setTimeout(end, idleTime).unref());
    const worked = performance.now() - this.#busySince;
    if (this.#holders.size === 0 && worked > longWork) setTimeout(releaseFreeMemory, longWork).unref();
  }

  #takeIdle(): Worker | null {
    // The one that was used last: the others come to their end.
    const last = [...this.#idle].at(-1);
    if (last === undefined) return null;
    clearTimeout(last[1]);
    this.#idle.delete(last[0]);
    return last[0];
  }

  #start(): Worker {
    // Some descriptors come from calls that Node does not know of.
    const worker = new Worker(this.#file, { resourceLimits, trackUnmanagedFds: false });
    worker.on("message", (message) => this.#holders.get(worker)?.onMessage(worker, message));
    worker.on("error", (error) => this.#lose(worker, messageOf(error)));
    worker.on("exit", () => this.#lose(worker, "it ended"));
    return worker;
  }

  #lose(worker: Worker, reason: string): void {
    clearTimeout(this.#idle.get(worker));
    this.#idle.delete(worker);
    const holder = this.#holders.get(worker);
    this.#holders.delete(worker);
    holder?.onLoss(worker, reason);
  }
}
