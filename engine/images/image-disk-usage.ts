import type { LayerStore } from "../layers/layer-store.ts";
import type { Digest } from "../oci/digest.ts";
import type { ImageSummary } from "../protocol/images.ts";
import type { DiskUsage } from "../protocol/upkeep.ts";
import type { CatalogImage } from "./catalog.ts";
import { blobsOf, layersOf } from "./prune-plan.ts";

export type ImageDiskUsage = Pick<DiskUsage, "images" | "blobs">;

export type UsageFacts = {
  readonly images: readonly CatalogImage[];
  readonly summaries: readonly ImageSummary[];
  readonly layers: LayerStore;
  readonly blobSizes: ReadonlyMap<Digest, number>;
};

/** Each byte counts once, however many images share it. What images in use hold cannot be reclaimed. */
export function imageDiskUsage(facts: UsageFacts): ImageDiskUsage {
  const used = new Set(facts.summaries.filter(({ containers }) => containers.length > 0).map(({ id }) => id));
  const all = new Map<string, number>();
  const active = new Map<string, number>();
  for (const image of facts.images) {
    for (const { key, size } of layersOf(image.chain, facts.layers)) {
      all.set(key, size);
      if (used.has(image.id)) active.set(key, size);
    }
  }
  return {
    images: {
      total: facts.images.length,
      active: used.size,
      size: sum(all.values()),
      reclaimable: sum(all.values()) - sum(active.values()),
      items: facts.summaries.map((image) => ({
        id: image.id,
        references: image.references,
        createdAt: image.createdAt,
        size: image.size,
        sharedSize: image.sharedSize,
        uniqueSize: image.size - image.sharedSize,
        containers: image.containers.length,
      })),
    },
    blobs: blobUsage(facts),
  };
}

function blobUsage({ images, blobSizes }: UsageFacts): DiskUsage["blobs"] {
  const held = new Set(images.flatMap(blobsOf).filter((digest) => blobSizes.has(digest)));
  const size = sum(blobSizes.values());
  const heldSize = sum([...held].map((digest) => blobSizes.get(digest) ?? 0));
  return { total: blobSizes.size, active: held.size, size, reclaimable: size - heldSize };
}

function sum(sizes: Iterable<number>): number {
  let total = 0;
  for (const size of sizes) total += size;
  return total;
}
