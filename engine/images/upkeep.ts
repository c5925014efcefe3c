import type { BlobStore } from "../content/blob-store.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import type { ImageID } from "../oci/digest.ts";
import { familiarReference, parseReference } from "../oci/reference.ts";
import type { ImageSummary } from "../protocol/images.ts";
import type { Removal } from "../protocol/upkeep.ts";
import type { Catalog, CatalogImage } from "./catalog.ts";
import { type ImageDiskUsage, imageDiskUsage } from "./image-disk-usage.ts";
import type { ImageRecords } from "./image-records.ts";
import type { PruneOptions } from "./image-service.ts";
import { blobsOf, layersOf, measureBlobs, planPrune, removalOf } from "./prune-plan.ts";
import type { SweepGate } from "./sweep-gate.ts";

export type UpkeepParts = {
  readonly records: ImageRecords;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly gate: SweepGate;
  readonly catalog: () => Catalog;
  readonly summaries: () => readonly ImageSummary[];
  /** Records are gone. */
  readonly onRemoved: (ids: readonly ImageID[]) => void;
  readonly publish: (action: string, id: ImageID, name: string) => void;
};

export type PruneResult = { removed: Removal[]; bytes: number };

/** What keeps the store small: what it holds, and what can go. */
export class Upkeep {
  readonly #parts: UpkeepParts;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  async diskUsage(): Promise<ImageDiskUsage> {
    const { blobs, layers, catalog, summaries } = this.#parts;
    const blobSizes = await measureBlobs(blobs);
    return imageDiskUsage({ images: catalog().images, summaries: summaries(), layers, blobSizes });
  }

  /** Removes images that no container uses, all or none; see protocol/upkeep.ts. The bytes are what a dry run says they are. */
  async prune(options: PruneOptions, dryRun: boolean): Promise<PruneResult> {
    const { blobs, layers, catalog, records } = this.#parts;
    const blobSizes = await measureBlobs(blobs);
    // No await from here to the delete: nobody can begin to use one of these images.
    const users = records.users();
    const pruned = planPrune(catalog().images, {
      ...options,
      isUsed: ({ id }) => users.has(id),
      holdingsOf: (image) => [
        ...layersOf(image, layers),
        ...blobsOf(image).map((digest) => ({ key: digest, size: blobSizes.get(digest) ?? 0 })),
      ],
    });
    const removed = pruned.map(removalOf);
    const bytes = removed.reduce((total, { size }) => total + size, 0);
    if (!dryRun && pruned.length > 0) await this.#remove(pruned.map(({ image }) => image));
    return { removed, bytes };
  }

  async #remove(images: readonly CatalogImage[]): Promise<void> {
    const { records, gate, onRemoved, publish } = this.#parts;
    records.removeImages(images.map(({ id }) => id));
    onRemoved(images.map(({ id }) => id));
    for (const { id, references } of images) {
      const names = references.map((reference) => familiarReference(parseReference(reference)));
      for (const name of names) publish("untag", id, name);
      publish("delete", id, names[0] ?? id);
    }
    await gate.request();
  }
}
