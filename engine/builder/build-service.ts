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

export type BuildStreams = {
  /** Bytes of a `stream` context; null where the request has none. */
  readonly context: AsyncIterable<Uint8Array> | null;
  /** Takes the bytes of an output that is no image; their memory is used again once it resolves. */
  readonly output: ((bytes: Buffer) => Promise<void>) | null;
};

/** Builds images from Dockerfiles, and remembers the builds: those that run, and the last that did. */
export interface BuildService extends AsyncDisposable {
  /**
   * Resolves when the result is there. Fails with `invalid-argument` for a Dockerfile that is wrong (with its line), `not-found`,
   * `failed-precondition` with the command's exit code where a RUN failed (message: stage, line, command, code; its output was told as
   * events), `cancelled`, or as what it needs fails. Whatever happens nothing is left but the cache.
   */
  run(request: BuildRequest, streams: BuildStreams, signal: AbortSignal): Promise<BuildResult>;
  list(): readonly BuildSummary[];
  /** Fails with `not-found`. */
  inspect(build: string): {
    summary: BuildSummary;
    steps: BuildStep[];
    warnings: BuildWarning[];
    dockerfile: string;
  };
  cancel(build: string): void;
  /** Begins the same once more, without a client; gives its id. `failed-precondition` where its context is gone. */
  retry(build: string): string;
  remove(builds: readonly string[]): void;
  debug(build: string): Promise<{ imageID: string }>;
  /**
   * Tells what was, as far as it is kept (the last MiB of output of each step), then what comes, `finished` last. For a build that has not
   * begun it waits. Gives what ends the telling.
   */
  watch(buildID: string, listener: (event: BuildEvent) => void): () => void;
  usage(): Promise<CacheRecord[]>;
  prune(options: CachePrune): Promise<{ removed: string[]; bytes: number }>;
  /** After every change of what `list` would say. */
  onChange(listener: () => void): () => void;
}
