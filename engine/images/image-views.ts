import { EngineError } from "../errors.ts";
import {
  type HistoryDocument,
  healthcheckOf,
  historyOf,
  type ImageConfig,
  shellOf,
  timeOf,
} from "../oci/image-config.ts";
import type { HistoryEntry, ImageSummary, LayerSummary, LayersResult } from "../protocol/images.ts";
import { type Catalog, type CatalogImage, displayName } from "./catalog.ts";
import type { ImageForContainer, ImageRunConfig } from "./image-service.ts";

/** A row of the list, its containers aside: these change without the image. */
export function summarize(image: CatalogImage, catalog: Catalog): ImageSummary {
  const run = runConfigOf(image.imageConfig);
  const shared = image.layerSizes.filter((_, index) => {
    const diffID = image.chain[index];
    return diffID !== undefined && catalog.sharersOf(diffID, image).length > 0;
  });
  return {
    id: image.id,
    references: [...image.names],
    digests: [...image.repoDigests],
    createdAt: image.createdAt,
    size: sum(image.layerSizes),
    sharedSize: sum(shared),
    layerCount: image.chain.length,
    containers: [],
    labels: { ...run.labels },
    architecture: image.architecture,
    os: image.os,
    command: [...run.entrypoint, ...run.command],
    exposedPorts: [...run.exposedPorts],
  };
}

/** Fails with `corrupt` where the image's config was lost. */
export function forContainer(image: CatalogImage): ImageForContainer {
  return { id: image.id, chain: image.chain, config: runConfigOf(getConfig(image)) };
}

export function getConfig(image: CatalogImage): ImageConfig {
  if (image.imageConfig !== null) return image.imageConfig;
  throw new EngineError("corrupt", `image ${displayName(image)} has lost its config blob`, {
    hint: "load or import the image again, or remove it",
  });
}

export function historyEntries(image: CatalogImage): HistoryEntry[] {
  const steps = historyOf(getConfig(image)).map(
    ({ step, layer }): HistoryEntry => ({
      diffID: layer === null ? null : (image.chain[layer] ?? null),
      size: layer === null ? 0 : (image.layerSizes[layer] ?? 0),
      references: [],
      ...wordsOf(step),
    }),
  );
  const newestFirst = steps.reverse();
  return newestFirst.map((entry, index) => (index === 0 ? { ...entry, references: [...image.names] } : entry));
}

export function layersResult(image: CatalogImage, catalog: Catalog): LayersResult {
  const steps = new Map(historyOf(getConfig(image)).map(({ step, layer }) => [layer, step]));
  const layers = image.chain.map(
    (diffID, index): LayerSummary => ({
      diffID,
      size: image.layerSizes[index] ?? 0,
      ...wordsOf(steps.get(index) ?? {}),
      sharedBy: catalog.sharersOf(diffID, image).map(displayName),
    }),
  );
  return { image: displayName(image), imageID: image.id, layers, writable: null };
}

function wordsOf(step: HistoryDocument): { createdAt: string; createdBy: string; comment: string } {
  return { createdAt: timeOf(step.created), createdBy: step.created_by ?? "", comment: step.comment ?? "" };
}

function runConfigOf(imageConfig: ImageConfig | null): ImageRunConfig {
  const run = imageConfig?.config ?? {};
  return {
    entrypoint: run.Entrypoint ?? [],
    command: run.Cmd ?? [],
    environment: run.Env ?? [],
    user: run.User ?? "",
    workingDirectory: run.WorkingDir ?? "",
    exposedPorts: Object.keys(run.ExposedPorts ?? {}),
    volumes: Object.keys(run.Volumes ?? {}),
    labels: run.Labels ?? {},
    stopSignal: run.StopSignal || null,
    healthcheck: healthcheckOf(imageConfig),
    shell: shellOf(imageConfig),
  };
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}
