import { join } from "node:path";
import type { EngineConfig } from "../config.ts";
import type { BlobStore } from "../content/blob-store.ts";
import type { ImageService } from "../images/image-service.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { settleAll } from "../lib/settle.ts";
import { Slots } from "../lib/slots.ts";
import type { Log } from "../log.ts";
import type { NetworkService } from "../networks/network-service.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { ContainerRuntime } from "../runtime/container-runtime.ts";
import { BuildHistory, type PastBuild } from "./build-history.ts";
import type { BuildService } from "./build-service.ts";
import type { BuildCache } from "./cache/build-cache.ts";
import { fetchRemote } from "./context/fetch-remote.ts";
import { openContext } from "./context/open-context.ts";
import { openFileCopier } from "./copy/local-file-copier.ts";
import { LocalBuildService } from "./local-build-service.ts";
import { openScratchDirectory } from "./open-scratch.ts";
import { openCacheMounts } from "./run/cache-mounts.ts";
import { openStepRunner } from "./run/local-step-runner.ts";
import { StepTurns } from "./solve/step-turns.ts";
import { TreeDigests } from "./solve/tree-digests.ts";
import { sweepWritable } from "./solve/views.ts";

export type BuildServiceOptions = {
  readonly config: EngineConfig;
  readonly images: ImageService;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly cache: BuildCache;
  readonly runtime: ContainerRuntime;
  readonly networks: NetworkService;
  readonly registries: RegistryClient;
  readonly log: Log;
};

/** Steps of all builds at work at once; each build has a limit of its own, so that nobody waits for somebody else's. */
const mostSteps = 64;

/** Opens the service, and takes away what builds of an engine that was killed have left. */
export async function openBuildService(options: BuildServiceOptions): Promise<BuildService> {
  const { config, images, blobs, layers, cache, registries, log } = options;
  await using opening = new AsyncDisposableStack();
  const runner = await openStepRunner(options);
  const history = new BuildHistory(config.root);
  const [cacheMounts, past, , scratch] = await settleAll([
    openCacheMounts({ root: config.root }),
    history.open(),
    // What runs stands on layers.
    runner.sweep().then(() => sweepWritable(layers)),
    openScratchDirectory(join(config.root, "build")),
  ]);
  const copier = opening.use(openFileCopier());
  const parts = {
    images,
    blobs,
    layers,
    cache,
    copier,
    runner,
    cacheMounts,
    openContext,
    fetchRemote,
    registries,
    turns: new StepTurns(),
    digests: new TreeDigests(),
    slots: new Slots(mostSteps),
    scratch,
  };
  return new LocalBuildService(parts, { history, past: past.map(endCutOff), log, own: opening.move() });
}

/** It was under way when the engine ended. */
function endCutOff(build: PastBuild): PastBuild {
  const { summary, steps } = build.facts;
  if (summary.status !== "running") return build;
  const error = "the engine ended";
  const endedAt = summary.endedAt ?? summary.startedAt;
  return {
    ...build,
    facts: {
      ...build.facts,
      summary: { ...summary, status: "failed", error, endedAt },
      steps: steps.map((step) => (step.status === "running" ? { ...step, status: "cancelled", endedAt } : step)),
    },
  };
}
