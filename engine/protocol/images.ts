import * as z from "zod/mini";

export const imageSummary = z.object({
  /** `sha256:…`, the digest of the image config. */
  id: z.string(),
  /** `name:tag`, familiar form; empty for a dangling image. */
  references: z.array(z.string()),
  /** `name@sha256:…`: by which digests repositories know it. */
  digests: z.array(z.string()),
  createdAt: z.string(),
  /** Bytes of all its unpacked layers. */
  size: z.number(),
  /** Of these, bytes in layers that other images use as well. */
  sharedSize: z.number(),
  layerCount: z.number(),
  /** Ids of the containers made from it. */
  containers: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  architecture: z.string(),
  os: z.string(),
  /** For the form that makes a container: the image's own command and ports (`80/tcp`). */
  command: z.array(z.string()),
  exposedPorts: z.array(z.string()),
});
export type ImageSummary = z.infer<typeof imageSummary>;

/** One step of the image's history, newest first; docker's fields. */
export const historyEntry = z.object({
  /** Digest of the layer's tar, null for a step without a layer. */
  diffID: z.nullable(z.string()),
  createdAt: z.string(),
  createdBy: z.string(),
  size: z.number(),
  comment: z.string(),
  references: z.array(z.string()),
});
export type HistoryEntry = z.infer<typeof historyEntry>;

/** A layer of an image, lowest first. */
const layerSummary = z.object({
  diffID: z.string(),
  /** Bytes unpacked. */
  size: z.number(),
  createdAt: z.string(),
  createdBy: z.string(),
  comment: z.string(),
  /** Images, other than the one asked for, that hold this layer: familiar name or short id. */
  sharedBy: z.array(z.string()),
});
export type LayerSummary = z.infer<typeof layerSummary>;

/** The layers under a container or an image, and the writable layer on top if it is a container. */
export const layersResult = z.object({
  image: z.string(),
  imageID: z.string(),
  layers: z.array(layerSummary),
  writable: z.nullable(
    z.object({
      size: z.number(),
      added: z.number(),
      changed: z.number(),
      deleted: z.number(),
      /** True when there were more files than one look may count. */
      truncated: z.boolean(),
    }),
  ),
});
export type LayersResult = z.infer<typeof layersResult>;

export const removedImage = z.object({ untagged: z.array(z.string()), deleted: z.array(z.string()) });
export type RemovedImage = z.infer<typeof removedImage>;

export const loadedImage = z.object({ id: z.string(), references: z.array(z.string()) });
export type LoadedImage = z.infer<typeof loadedImage>;
