import { once } from "node:events";
import { constants } from "node:os";
import { getSystemErrorMessage } from "node:util";
import { Worker } from "node:worker_threads";
import { EngineError } from "../errors.ts";
import { workerURL } from "../lib/worker-url.ts";
import type { LinkStep } from "./link-steps.ts";
import { releaseFreeMemory } from "./syscalls.ts";

/** Changes to links, one after the other; the first that fails ends it. */
export type LinkTask = {
  /** In the host's namespace. */
  readonly before: readonly LinkStep[];
  /** A netns by its file. New: the file is there and empty; the netns lives until it is unmounted and the last process in it has gone. */
  readonly netns: { readonly path: string; readonly isNew: boolean } | null;
  readonly inside: readonly LinkStep[];
  /** In the host's again. */
  readonly after: readonly LinkStep[];
};

/** Null: there will be no more. */
export type LinkMessage = { readonly id: number; readonly task: LinkTask } | null;

export type LinkAnswer = {
  readonly id: number;
  readonly failure: { readonly message: string; readonly code: string | null } | null;
};

type Waiting = {
  readonly worker: Worker;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

/** Milliseconds. The kernel changes one link at a time, and some changes of others take a while. */
const patience = 10_000;
/** Milliseconds without a task. The thread costs 4 MB and 30 ms of starting; an engine at rest has none. */
const idleTime = 10_000;
/** It keeps nothing. */
const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 };
const doing = "set up a network interface";

/**
 * Makes network namespaces and their links by the kernel's own protocol, in a thread of its own: ip(8) and unshare(1) take ten times the
 * processor time. Tasks are taken one at a time, in order. The thread starts with the first one, and ends when there was none for a while.
 */
export class LinkMaker {
  readonly #waiting = new Map<number, Waiting>();
  readonly #idleTime: number;
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | null = null;
  #lastID = 0;

  constructor(options: { readonly idleTime?: number } = {}) {
    this.#idleTime = options.idleTime ?? idleTime;
  }

  /** Fails with `internal` and the kernel's words, `unavailable` where it took too long. What was done of it stays. */
  async run(task: LinkTask): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = ++this.#lastID;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      reject(new EngineError("unavailable", `${doing}: the kernel did not answer within ${patience / 1000} s`));
      // It may be stuck for good: the next one gets another.
      if (this.#worker === worker) this.#worker = null;
      void worker.terminate();
    }, patience);
    this.#waiting.set(id, { worker, promise, resolve, reject });
    worker.ref();
    worker.postMessage({ id, task } satisfies LinkMessage);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#rest(worker);
    }
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#waiting.values()].map(({ promise }) => promise));
    if (this.#idle !== null) clearTimeout(this.#idle);
    await this.#end();
  }

  #rest(worker: Worker): void {
    worker.unref();
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.#end(), this.#idleTime).unref();
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) return;
    worker.ref();
    const gone = once(worker, "exit");
    worker.postMessage(null satisfies LinkMessage);
    await gone;
    releaseFreeMemory();
  }

  #start(): Worker {
    const worker = new Worker(workerURL(import.meta.url, "links-worker"), { resourceLimits });
    worker.unref();
    worker.on("message", ({ id, failure }: LinkAnswer) => {
      const waiting = this.#waiting.get(id);
      if (failure === null) waiting?.resolve();
      else waiting?.reject(failureOf(failure));
    });
    // Without a listener an error would end the engine; the exit follows.
    worker.on("error", () => {});
    worker.on("exit", () => {
      if (this.#worker === worker) this.#worker = null;
      for (const waiting of this.#waiting.values()) {
        if (waiting.worker !== worker) continue;
        waiting.reject(new EngineError("unavailable", `${doing}: the thread that does so has ended`));
      }
    });
    return worker;
  }
}

/** `message`: the kernel's words, or the name of the call. */
function failureOf({ message, code }: NonNullable<LinkAnswer["failure"]>): EngineError {
  const number = code === null ? undefined : constants.errno[code as keyof typeof constants.errno];
  const reason = number === undefined ? message : `${message}: ${getSystemErrorMessage(-number)}`;
  return new EngineError("internal", `${doing}: ${reason}`);
}
