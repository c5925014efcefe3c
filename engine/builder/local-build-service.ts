import { existsSync } from "node:fs";
import { EngineError, messageOf } from "../errors.ts";
import { errnoError } from "../host/errno.ts";
import { Listeners } from "../lib/listeners.ts";
import type { Log } from "../log.ts";
import type {
  BuildEvent,
  BuildRequest,
  BuildResult,
  BuildStep,
  BuildSummary,
  BuildWarning,
  CachePrune,
  CacheRecord,
} from "../protocol/builds.ts";
import { type BuildHistory, type FailedState, findForgotten, type PastBuild } from "./build-history.ts";
import { BuildLog, eventsOf } from "./build-log.ts";
import type { BuildService, BuildStreams } from "./build-service.ts";
import { debugImage, removeDebugImage } from "./debug-image.ts";
import { isRepeatable, keepableRequest, redactURL } from "./keepable-request.ts";
import type { BuilderParts } from "./solve/build.ts";
import { failedKey } from "./solve/keep-failed.ts";
import { solveBuild } from "./solve/solve-build.ts";

/** Builds under way at once: each has its own mounts and holds. */
const mostRunning = 100;
/** Milliseconds after which an engine that stops does not wait for its builds any more. */
const stopPatience = 5_000;

type RunningBuild = {
  readonly log: BuildLog;
  readonly abort: AbortController;
  readonly request: BuildRequest;
  /** Settles with it, and never fails. */
  ended: Promise<void>;
  failed: FailedState | null;
};

type Own = {
  readonly history: BuildHistory;
  /** The oldest first. */
  readonly past: readonly PastBuild[];
  readonly log: Log;
  /** Closed with the service, once no build is under way. */
  readonly own: AsyncDisposable;
};

/** The builds of this engine. */
export class LocalBuildService implements BuildService {
  readonly #parts: BuilderParts;
  readonly #history: BuildHistory;
  readonly #engineLog: Log;
  readonly #own: AsyncDisposable;
  readonly #running = new Map<string, RunningBuild>();
  /** The oldest first. */
  readonly #past = new Map<string, PastBuild>();
  readonly #waiting = new Map<string, Set<(log: BuildLog) => void>>();
  readonly #listeners = new Listeners<void>();
  #isClosing = false;

  constructor(parts: BuilderParts, { history, past, log, own }: Own) {
    this.#parts = parts;
    this.#own = own;
    this.#history = history;
    this.#engineLog = log;
    for (const build of past) this.#past.set(build.facts.summary.id, build);
  }

  async run(request: BuildRequest, streams: BuildStreams, signal: AbortSignal): Promise<BuildResult> {
    const running = this.#begin(request);
    const { log, abort } = running;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    running.ended = ended;
    try {
      const result = await solveBuild(this.#parts, {
        request,
        streams,
        log,
        signal: AbortSignal.any([signal, abort.signal]),
        onFailed: (failed) => {
          running.failed ??= failed;
        },
      });
      await this.#remember(running, { status: "done", imageID: result.imageID });
      return result;
    } catch (error) {
      const isCancelled = signal.aborted || abort.signal.aborted;
      const why = this.#isClosing ? "the engine stops" : "the build was cancelled";
      const failure = isCancelled ? new EngineError("cancelled", why) : asEngineError(error);
      await this.#remember(running, { status: isCancelled ? "cancelled" : "failed", error: failure.message });
      throw failure;
    } finally {
      this.#running.delete(request.buildID);
      this.#listeners.emit();
      resolve();
    }
  }

  list(): readonly BuildSummary[] {
    const running = [...this.#running.values()].map(({ log }) => log.summary);
    const past = [...this.#past.values()].map(({ facts }) => facts.summary);
    return [...running.toReversed(), ...past.toReversed()];
  }

  inspect(build: string): {
    summary: BuildSummary;
    steps: BuildStep[];
    warnings: BuildWarning[];
    dockerfile: string;
  } {
    const id = this.#find(build);
    const facts = this.#running.get(id)?.log.facts() ?? this.#past.get(id)?.facts;
    if (facts === undefined) throw notFound(build);
    return facts;
  }

  cancel(build: string): void {
    const id = this.#find(build);
    const running = this.#running.get(id);
    if (running === undefined) {
      throw new EngineError("failed-precondition", `build ${shortID(id)} has ended: it cannot be cancelled`);
    }
    running.abort.abort();
  }

  retry(build: string): string {
    const id = this.#find(build);
    const past = this.#past.get(id);
    if (past === undefined) throw new EngineError("failed-precondition", `build ${shortID(id)} is under way`);
    if (!past.facts.summary.canRetry || !isContextThere(past.request)) {
      throw new EngineError("failed-precondition", `build ${shortID(id)} cannot be built again: its context is gone`, {
        hint: "run gantry build in the directory of the Dockerfile",
      });
    }
    const buildID = crypto.randomUUID();
    const request = { ...past.request, buildID };
    // What becomes of it is in the list of builds.
    this.run(request, { context: null, output: null }, new AbortController().signal).catch(() => {});
    return buildID;
  }

  remove(builds: readonly string[]): void {
    const ids = builds.length === 0 ? [...this.#past.keys()] : builds.map((build) => this.#find(build));
    const running = ids.find((id) => this.#running.has(id));
    if (running !== undefined) {
      throw new EngineError("failed-precondition", `build ${shortID(running)} is under way`, {
        hint: `cancel it with: gantry builder cancel ${shortID(running)}`,
      });
    }
    for (const id of ids) this.#forget(id);
    this.#listeners.emit();
  }

  async debug(build: string): Promise<{ imageID: string }> {
    const id = this.#find(build);
    const past = this.#past.get(id);
    if (past === undefined) throw new EngineError("failed-precondition", `build ${shortID(id)} is under way`);
    if (past.failed === null) {
      throw new EngineError("failed-precondition", `build ${shortID(id)} has no command that failed`);
    }
    return { imageID: await debugImage(this.#parts, id, past.failed) };
  }

  watch(buildID: string, listener: (event: BuildEvent) => void): () => void {
    const running = this.#running.get(buildID);
    if (running !== undefined) return running.log.watch(listener);
    const past = this.#past.get(buildID);
    let isOver = false;
    if (past !== undefined) {
      void this.#history.outputsOf(buildID).then((outputs) => {
        for (const event of eventsOf(past.facts, outputs)) if (!isOver) listener(event);
      });
      return () => {
        isOver = true;
      };
    }
    return this.#watchLater(buildID, listener);
  }

  usage(): Promise<CacheRecord[]> {
    return this.#parts.cache.usage();
  }

  async prune(options: CachePrune): Promise<{ removed: string[]; bytes: number }> {
    const pruned = await this.#parts.cache.prune(options);
    this.#parts.images.sweepSoon();
    return pruned;
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    for (const { abort } of this.#running.values()) abort.abort();
    const ended = Promise.all([...this.#running.values()].map((running) => running.ended));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, stopPatience);
    await Promise.race([ended, late]);
    clearTimeout(timer);
    await this.#history.idle();
    await this.#own[Symbol.asyncDispose]();
  }

  #begin(request: BuildRequest): RunningBuild {
    const { buildID } = request;
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{7,63}$/.test(buildID)) {
      throw new EngineError("invalid-argument", `${JSON.stringify(buildID.slice(0, 80))} cannot name a build`);
    }
    if (this.#isClosing) throw new EngineError("unavailable", "the engine stops");
    if (this.#running.has(buildID) || this.#past.has(buildID)) {
      throw new EngineError("already-exists", `build ${shortID(buildID)} exists already`);
    }
    if (this.#running.size >= mostRunning) {
      throw new EngineError("resource-exhausted", `${mostRunning} builds are under way: no more at once`);
    }
    const log = new BuildLog({ id: buildID, name: nameOf(request), startedAt: new Date().toISOString() }, () =>
      this.#listeners.emit(),
    );
    const running = { log, abort: new AbortController(), request, ended: Promise.resolve(), failed: null };
    this.#running.set(buildID, running);
    for (const tell of this.#waiting.get(buildID) ?? []) tell(log);
    this.#waiting.delete(buildID);
    this.#listeners.emit();
    this.#history.write(recordOf(running), new Map()).catch((error) => this.#complain(error));
    return running;
  }

  /** Before anybody hears of its end. */
  async #remember(running: RunningBuild, end: Partial<BuildSummary> & Pick<BuildSummary, "status">): Promise<void> {
    const { log, failed, request } = running;
    log.finish({ ...end, canDebug: failed !== null, canRetry: isRepeatable(request) });
    const record = recordOf(running);
    this.#past.set(request.buildID, record);
    this.#history.write(record, log.outputs).catch((error) => this.#complain(error));
    for (const id of findForgotten(this.#past.values())) this.#forget(id);
  }

  /** What its failed step has left goes with it: nobody could look at that any more. */
  #forget(id: string): void {
    const isKept = this.#past.get(id)?.failed != null;
    this.#past.delete(id);
    if (isKept) {
      this.#parts.cache.forget(failedKey(id));
      void removeDebugImage(this.#parts, id).then(() => this.#parts.images.sweepSoon());
    }
    this.#history.remove(id).catch((error) => this.#complain(error));
  }

  #complain(error: unknown): void {
    this.#engineLog.warning("a build cannot be remembered", { error: messageOf(error) });
  }

  #watchLater(buildID: string, listener: (event: BuildEvent) => void): () => void {
    let unwatch = (): void => {};
    const begin = (log: BuildLog): void => {
      unwatch = log.watch(listener);
    };
    const waiting = this.#waiting.get(buildID) ?? new Set();
    this.#waiting.set(buildID, waiting.add(begin));
    return () => {
      unwatch();
      waiting.delete(begin);
      if (waiting.size === 0 && this.#waiting.get(buildID) === waiting) this.#waiting.delete(buildID);
    };
  }

  /** An id, or a unique prefix of one. */
  #find(build: string): string {
    const ids = [...this.#running.keys(), ...this.#past.keys()];
    if (ids.includes(build)) return build;
    const matches = build === "" ? [] : ids.filter((id) => id.startsWith(build));
    if (matches.length > 1) {
      throw new EngineError("invalid-argument", `${build} is the beginning of more than one build's id`);
    }
    if (matches[0] === undefined) throw notFound(build);
    return matches[0];
  }
}

function recordOf({ log, request, failed }: RunningBuild): PastBuild {
  return { version: 1, facts: log.facts(), request: keepableRequest(request), failed };
}

function isContextThere({ context }: BuildRequest): boolean {
  return context.type !== "directory" || existsSync(context.path);
}

function nameOf({ tags, context, target }: BuildRequest): string {
  const from = context.type === "directory" ? context.path : context.type === "remote" ? redactURL(context.url) : "";
  const name = tags[0] ?? (target === "" ? from : target);
  return (name === "" ? "image" : name).slice(0, 200);
}

function asEngineError(error: unknown): EngineError {
  return error instanceof EngineError ? error : errnoError("build", error);
}

function shortID(id: string): string {
  return id.slice(0, 12);
}

function notFound(build: string): EngineError {
  return new EngineError("not-found", `no such build: ${build.slice(0, 80)}`, { hint: "see: gantry builder list" });
}
