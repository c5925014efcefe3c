import * as z from "zod/mini";
import { resources } from "./resources.ts";
import { credentials } from "./transfers.ts";

const texts = z.record(z.string(), z.string());
const whole = z.number().check(z.int());
const time = z.nullable(z.string());

/** Where files of a build come from. Paths are absolute and of the engine's own host: what lies there is read in place, never copied. */
const placedContexts = [
  z.object({ type: z.literal("directory"), path: z.string() }),
  /** A tar, plain or compressed, on the request's `streamID`. At most one of a request. */
  z.object({ type: z.literal("stream") }),
  /** git (`https://host/x.git#branch:dir`, `git@…`), or a tar or a Dockerfile over http(s). */
  z.object({ type: z.literal("remote"), url: z.string() }),
  /** No files at all: the Dockerfile came by itself. */
  z.object({ type: z.literal("empty") }),
] as const;
const contextSource = z.discriminatedUnion("type", placedContexts);
export type ContextSource = z.infer<typeof contextSource>;

const namedContext = z.discriminatedUnion("type", [
  ...placedContexts,
  /** `docker-image://` */
  z.object({ type: z.literal("image"), reference: z.string() }),
  /** `oci-layout://`: absolute path of the layout, and a tag or digest, or neither. */
  z.object({ type: z.literal("oci-layout"), path: z.string(), reference: z.nullable(z.string()) }),
]);
export type NamedContext = z.infer<typeof namedContext>;

const dockerfileSource = z.discriminatedUnion("type", [
  /** In the context, or absolute on the host where it lies outside of it. `<path>.dockerignore` beside it goes before `.dockerignore`. */
  z.object({ type: z.literal("path"), path: z.string() }),
  z.object({ type: z.literal("text"), text: z.string() }),
]);
export type DockerfileSource = z.infer<typeof dockerfileSource>;

/** `--output`. All but `image` come as one tar on the request's `outputStreamID`; the client writes it, or unpacks it (`local`). */
const buildOutput = z.discriminatedUnion("type", [
  /** Into the engine's images, under the request's tags. */
  z.object({ type: z.literal("image") }),
  /** The files of the result. */
  z.object({ type: z.enum(["local", "tar"]) }),
  /** An archive of the image. */
  z.object({ type: z.enum(["oci", "docker"]) }),
  /** Nothing is kept but the cache. */
  z.object({ type: z.literal("none") }),
]);
export type BuildOutput = z.infer<typeof buildOutput>;

/** `--cache-from`, `--cache-to`. local: an absolute path of the host. */
const cacheLocation = z.discriminatedUnion("type", [
  z.object({ type: z.literal("registry"), reference: z.string() }),
  z.object({ type: z.literal("local"), path: z.string() }),
]);
const cacheExport = z.intersection(cacheLocation, z.object({ mode: z.enum(["min", "max"]) }));
export type CacheLocation = z.infer<typeof cacheLocation>;
export type CacheExport = z.infer<typeof cacheExport>;

export const buildRequest = z.object({
  /** Made up by the client (UUID), so that it can subscribe to the topic `build` before or after. */
  buildID: z.string(),
  context: contextSource,
  namedContexts: z.record(z.string(), namedContext),
  dockerfile: dockerfileSource,
  streamID: z.optional(z.string()),
  outputStreamID: z.optional(z.string()),
  output: buildOutput,
  tags: z.array(z.string()),
  labels: texts,
  buildArgs: texts,
  /** A stage's name or number; empty: the last one. */
  target: z.string(),
  /** `os/arch[/variant]`; empty: this host's. */
  platform: z.string(),
  /** Ask registries for newer base images. */
  pull: z.boolean(),
  noCache: z.boolean(),
  /** Names of stages that are built anew. */
  noCacheFilter: z.array(z.string()),
  /** For RUN: `default`, `none`, `host`, or a network's name. */
  network: z.string(),
  extraHosts: z.array(z.object({ name: z.string(), address: z.string() })),
  /** value: base64. Never logged, never kept. */
  secrets: z.array(z.object({ id: z.string(), value: z.string() })),
  /** path: absolute, of an agent's socket on the host. */
  ssh: z.array(z.object({ id: z.string(), path: z.string() })),
  /** For each RUN. */
  resources,
  shmSize: z.nullable(whole),
  ulimits: z.array(z.object({ name: z.string(), soft: whole, hard: whole })),
  cgroupParent: z.string(),
  /** `security.insecure` and `network.host` that RUN may ask for. */
  allow: z.array(z.string()),
  cacheFrom: z.array(cacheLocation),
  cacheTo: z.array(cacheExport),
  /** All new layers become one. */
  squash: z.boolean(),
  /** Only say what is wrong with the Dockerfile. */
  check: z.boolean(),
  provenance: z.enum(["", "min", "max"]),
  sbom: z.boolean(),
  /** Seconds since 1970 (SOURCE_DATE_EPOCH): no time in the image is later. Null: times are what they are. */
  sourceDateEpoch: z.nullable(whole),
  /** By registry, as in `config.json`. */
  credentials: z.record(z.string(), credentials),
});
export type BuildRequest = z.infer<typeof buildRequest>;

/** One finding of `--check`: docker's build checks have these names and addresses. */
const buildWarning = z.object({
  /** `StageNameCasing`, … */
  rule: z.string(),
  message: z.string(),
  description: z.string(),
  url: z.string(),
  /** 1-based; 0: of the whole file. */
  line: whole,
});
export type BuildWarning = z.infer<typeof buildWarning>;

const stepStatus = z.enum(["waiting", "running", "cached", "done", "failed", "cancelled"]);
export type StepStatus = z.infer<typeof stepStatus>;

/** One row of a build's progress: an instruction of a stage, or what the engine does beside (`load context`, `export image`). */
const buildStep = z.object({
  /** Unique within the build, in the order in which steps are shown. */
  id: whole,
  /** Empty for what belongs to no stage. */
  stage: z.string(),
  /** 1-based place of the instruction in its stage, and how many there are; 0 and 0 for what is no instruction. */
  number: whole,
  total: whole,
  /** The instruction as written, on one line; or what is being done. */
  title: z.string(),
  /** 1-based, of the Dockerfile; 0: none. */
  line: whole,
  status: stepStatus,
  startedAt: time,
  endedAt: time,
  /** Of the layer it made; null where it made none, or has not yet. */
  layer: z.nullable(z.object({ diffID: z.string(), size: z.number() })),
  /** How far it has come, for steps that know: `12.3 MB / 40 MB`. */
  note: z.string(),
  /** Why it failed. */
  error: z.string(),
});
export type BuildStep = z.infer<typeof buildStep>;

const buildStatus = z.enum(["running", "done", "failed", "cancelled"]);
/** A row of the builds pane. */
export const buildSummary = z.object({
  id: z.string(),
  /** First tag, or what was built. */
  name: z.string(),
  status: buildStatus,
  startedAt: z.string(),
  endedAt: time,
  /** Instructions of all needed stages, how many of them have ended, and how many of these came from the cache. */
  steps: whole,
  finishedSteps: whole,
  cachedSteps: whole,
  /** Title of the step that runs, or that failed. */
  current: z.string(),
  imageID: z.nullable(z.string()),
  error: z.string(),
  /** It can be built again: its context still lies on the host. */
  canRetry: z.boolean(),
  /** The file system of the step that failed is kept. */
  canDebug: z.boolean(),
});
export type BuildSummary = z.infer<typeof buildSummary>;

/** Items of the topic `build`: all that was, as far as it is kept, then what comes. `finished` is the last. */
export const buildEvent = z.discriminatedUnion("type", [
  /** New, or changed. */
  z.object({ type: z.literal("step"), step: buildStep }),
  /** Of a step; text of any length, with its line ends and escapes as they came. stream: 1 or 2. */
  z.object({ type: z.literal("output"), step: whole, stream: whole, text: z.string() }),
  z.object({ type: z.literal("warning"), warning: buildWarning }),
  z.object({ type: z.literal("finished"), build: buildSummary }),
]);
export type BuildEvent = z.infer<typeof buildEvent>;

export const buildResult = z.object({
  /** Null where no image was asked for. */
  imageID: z.nullable(z.string()),
  /** Of the manifest or index, where attestations were asked for. */
  digest: z.nullable(z.string()),
  warnings: z.array(buildWarning),
});
export type BuildResult = z.infer<typeof buildResult>;

/** docker's `BuildCache` of `system df`. */
const cacheRecord = z.object({
  id: z.string(),
  parents: z.array(z.string()),
  /** `regular`, `exec.cachemount`, `source.local`, as BuildKit calls them. */
  type: z.string(),
  description: z.string(),
  inUse: z.boolean(),
  shared: z.boolean(),
  size: z.number(),
  createdAt: z.string(),
  lastUsedAt: time,
  usageCount: whole,
});
export type CacheRecord = z.infer<typeof cacheRecord>;

/** all: also what images use. keepStorage: bytes that may stay, the last used. until: RFC 3339, only what was not used since. */
export const cachePrune = z.object({
  all: z.boolean(),
  keepStorage: z.nullable(z.number()),
  until: z.nullable(z.string()),
  /** Only of these types; empty: all. */
  types: z.array(z.string()),
  ids: z.array(z.string()),
});
export type CachePrune = z.infer<typeof cachePrune>;

const build = z.object({ build: z.string() });
const nothing = z.object({});

/** `build` takes an id or a unique prefix of one. */
export const buildMethods = {
  /**
   * Answers when the image is there. Fails with the reason, exitCode that of the command which failed; `cancelled` when the client goes, or
   * by `builds.cancel`. detached: goes on without the client; answers at once, imageID null.
   */
  "builds.run": {
    params: z.object({ request: buildRequest, detached: z.boolean() }),
    result: buildResult,
  },
  /** Running ones first, then the last of the past. */
  "builds.list": { params: nothing, result: z.array(buildSummary) },
  "builds.inspect": {
    params: build,
    result: z.object({
      summary: buildSummary,
      steps: z.array(buildStep),
      warnings: z.array(buildWarning),
      dockerfile: z.string(),
    }),
  },
  "builds.cancel": { params: build, result: nothing },
  /** The same once more; answers with the new build's id at once. */
  "builds.retry": { params: build, result: z.object({ buildID: z.string() }) },
  /** Forgets past ones, or all past ones where none is named. */
  "builds.remove": { params: z.object({ builds: z.array(z.string()) }), result: nothing },
  /** An image without a name of the file system in which the last step failed, its shell as its command. */
  "builds.debug": { params: build, result: z.object({ imageID: z.string() }) },
  "builder.usage": { params: nothing, result: z.array(cacheRecord) },
  "builder.prune": { params: cachePrune, result: z.object({ removed: z.array(z.string()), bytes: z.number() }) },
} as const;
