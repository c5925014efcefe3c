import { setMaxListeners } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { EngineError } from "../../errors.ts";
import { Slots } from "../../lib/slots.ts";
import { hostPlatform, parsePlatform } from "../../oci/platform.ts";
import type { BuildRequest, BuildResult } from "../../protocol/builds.ts";
import { parseDockerfile } from "../dockerfile/parse.ts";
import { resolveStages } from "../dockerfile/stages.ts";
import type { Dockerfile } from "../dockerfile/types.ts";
import { BaseImages, checkOwnPlatform } from "./base-images.ts";
import type { Build, BuilderParts } from "./build.ts";
import { checkBuildRequest } from "./check-build-request.ts";
import { Contexts } from "./contexts.ts";
import { exportResult } from "./export-result.ts";
import { lintDockerfile, warnOfUnusedArgs } from "./lint-build.ts";
import { NamedContexts } from "./named-contexts.ts";
import { exportCaches, importCaches } from "./outer-caches.ts";
import { Stages } from "./stages.ts";
import { Views } from "./views.ts";

/** Steps of one build at work at once for each processor: many wait for a network. */
const stepsPerProcessor = 2;

export type BuildOptions = Pick<Build, "request" | "streams" | "log" | "signal" | "onFailed">;

/** Builds what a request asks for. Nothing is left of it but the cache when it ends, however it does. */
export async function solveBuild(parts: BuilderParts, options: BuildOptions): Promise<BuildResult> {
  checkBuildRequest(options.request);
  try {
    return await solve(parts, options);
  } finally {
    // Now that nothing is held for it any more.
    void collect(parts);
  }
}

async function solve(parts: BuilderParts, options: BuildOptions): Promise<BuildResult> {
  const stop = new AbortController();
  await using stack = new AsyncDisposableStack();
  const scratch = join(parts.scratch, options.request.buildID);
  stack.defer(() => rm(scratch, { recursive: true, force: true }));
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // As many as there are stages wait for the same signal.
  setMaxListeners(0, signal);
  const build: Build = {
    ...options,
    parts,
    signal,
    scratch,
    stack,
    views: stack.use(new Views(parts.layers)),
    slots: new Slots(Math.max(4, availableParallelism() * stepsPerProcessor)),
    platform: hostPlatform(),
    epoch: epochOf(options.request),
    imported: null,
    outcome: { imageID: null },
    steps: [],
    puts: [],
  };
  try {
    return await work(build, () => stop.abort());
  } finally {
    // Who stores them reads layers that this build holds.
    await Promise.allSettled(build.puts);
  }
}

async function work(build: Build, abort: () => void): Promise<BuildResult> {
  const { request, log } = build;
  const contexts = new Contexts(build);
  log.dockerfile = await contexts.openMain();
  const dockerfile = parseDockerfile(log.dockerfile);
  // A hostile Dockerfile takes long enough to read: others get their turn between the looks at it.
  await nextTurn();
  const named = new NamedContexts(request.namedContexts, { contexts, images: new BaseImages(build) });
  const resolved = resolve(build, dockerfile, named);
  await nextTurn();
  lintDockerfile(build, dockerfile, contexts.ignore);
  if (request.check) return { imageID: null, digest: null, warnings: [...log.warnings] };
  warnOfUnusedArgs(build, resolved.unusedBuildArgs);
  build.imported = await importCaches(build);
  const stages = await Stages.plan(build, {
    dockerfile,
    resolved,
    images: named.images,
    contexts: named,
    findMain: async () => ({ type: "tree", tree: (await contexts.main()).tree }),
  });
  const state = await stages.solve(abort);
  const result = await exportResult(build, state, { contexts, images: named.images });
  await exportCaches(build, state);
  return result;
}

/** What cannot be put away now is put away after the next build. */
async function collect({ cache, images }: BuilderParts): Promise<void> {
  await cache.collect().catch(() => {});
  images.sweepSoon();
}

function resolve(build: Build, dockerfile: Dockerfile, named: NamedContexts) {
  const { target, buildArgs, platform, namedContexts } = build.request;
  if (platform !== "") checkOwnPlatform(platform, build);
  const resolved = resolveStages(dockerfile, {
    target,
    buildArgs,
    platform: platform === "" ? null : parsePlatform(platform),
    namedContexts: new Set(Object.keys(namedContexts)),
  });
  for (const stage of resolved.stages) named.checkPlatform(stage, build);
  return resolved;
}

/** Also as docker's clients hand it over: as a build argument. */
function epochOf({ sourceDateEpoch, buildArgs }: BuildRequest): number | null {
  if (sourceDateEpoch !== null) return sourceDateEpoch;
  const given = Object.hasOwn(buildArgs, "SOURCE_DATE_EPOCH") ? buildArgs.SOURCE_DATE_EPOCH : undefined;
  if (given === undefined || given === "") return null;
  if (/^\d{1,11}$/.test(given)) return Number(given);
  throw new EngineError("invalid-argument", `invalid SOURCE_DATE_EPOCH: ${given.slice(0, 40)}`);
}
