import type { BlobStore } from "../../content/blob-store.ts";
import type { ImageService } from "../../images/image-service.ts";
import type { LayerStore } from "../../layers/layer-store.ts";
import type { Slots } from "../../lib/slots.ts";
import type { Platform } from "../../oci/platform.ts";
import type { BuildRequest } from "../../protocol/builds.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";
import type { FailedState } from "../build-history.ts";
import type { BuildLog } from "../build-log.ts";
import type { BuildStreams } from "../build-service.ts";
import type { BuildCache } from "../cache/build-cache.ts";
import type { ExportedStep } from "../cache/export-cache.ts";
import type { ImportedCache } from "../cache/import-cache.ts";
import type { OpenContext, RemoteFile } from "../context/build-context.ts";
import type { FileCopier } from "../copy/file-copier.ts";
import type { CacheMounts, StepRunner } from "../run/step-runner.ts";
import type { StepTurns } from "./step-turns.ts";
import type { TreeDigests } from "./tree-digests.ts";
import type { Views } from "./views.ts";

/** What ADD fetches. checksum: what the file's digest has to be. */
export type FetchRemote = (
  url: string,
  options: {
    readonly directory: string;
    readonly signal: AbortSignal;
    readonly checksum: string | null;
    readonly keepGitDirectory: boolean;
  },
) => Promise<RemoteFile>;

/** What all builds share. */
export type BuilderParts = {
  readonly images: ImageService;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly cache: BuildCache;
  readonly copier: FileCopier;
  readonly runner: StepRunner;
  readonly cacheMounts: CacheMounts;
  readonly openContext: OpenContext;
  readonly fetchRemote: FetchRemote;
  readonly registries: RegistryClient;
  readonly turns: StepTurns;
  readonly digests: TreeDigests;
  /** Steps of all builds at work at once. */
  readonly slots: Slots;
  /** Absolute; what lies in it goes at the engine's start. */
  readonly scratch: string;
};

/** One build under way. */
export type Build = {
  readonly parts: BuilderParts;
  readonly request: BuildRequest;
  readonly streams: BuildStreams;
  readonly log: BuildLog;
  /** Aborts when the client goes, somebody cancels, or a part of the build fails. */
  readonly signal: AbortSignal;
  /** Directory of this build's own, gone with it. */
  readonly scratch: string;
  /** Everything that is to go when the build has ended: holds of layers, contexts, views. */
  readonly stack: AsyncDisposableStack;
  readonly views: Views;
  /** Steps of this build at work at once. */
  readonly slots: Slots;
  /** This host's. */
  readonly platform: Platform;
  /** Seconds since 1970. */
  readonly epoch: number | null;
  /** What `--cache-from` names; null: nothing. */
  imported: ImportedCache | null;
  /** All that were found or made so far. */
  readonly steps: ExportedStep[];
  /** The image that it has made; null: none yet. */
  readonly outcome: { imageID: string | null };
  /** Results on their way into the cache. */
  readonly puts: Promise<void>[];
  /** The first RUN that failed tells what is to be seen. */
  readonly onFailed: (failed: FailedState) => void;
};
