import type { BlobStore } from "../content/blob-store.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import type { DiffID, Digest, ImageID } from "../oci/digest.ts";
import type { ImageSummary } from "../protocol/images.ts";
import type { Removal } from "../protocol/upkeep.ts";
import type { Catalog, CatalogImage } from "./catalog.ts";
import { type ImageDiskUsage, imageDiskUsage } from "./image-disk-usage.ts";
import type { ImageEvents } from "./image-events.ts";
import type { ImageRecords } from "./image-records.ts";
import type { PruneOptions } from "./image-service.ts";
import type { Leases } from "./leases.ts";
import {
  blobsOf,
  type Holding,
  layersOf,
  type PruneFacts,
  type PrunePlan,
  planPrune,
  removalOf,
} from "./prune-plan.ts";
import type { Sweeper } from "./sweeper.ts";

export type UpkeepParts = {
  readonly records: ImageRecords;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly leases: Leases;
  readonly sweeper: Sweeper;
  readonly catalog: () => Catalog;
  readonly summaries: () => readonly ImageSummary[];
  /** Stacks of layers that somebody beside images needs. */
  readonly alsoNeeded: () => readonly (readonly DiffID[])[];
  /** Records are gone. */
  readonly onRemoved: (ids: readonly ImageID[]) => void;
  readonly events: ImageEvents;
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
    const blobSizes = await blobs.measure();
    return imageDiskUsage({ images: catalog().images, summaries: summaries(), layers, blobSizes });
  }

  /** Removes images that no container uses, all or none; see protocol/upkeep.ts. The bytes are what a dry run says they are. */
  async prune(options: PruneOptions, dryRun: boolean): Promise<PruneResult> {
    const { blobs, layers, leases, catalog, records, alsoNeeded } = this.#parts;
    const blobSizes = await blobs.measure();
    const holdings = (chain: readonly DiffID[], digests: readonly Digest[]): Holding[] => [
      ...layersOf(chain, layers),
      ...digests.map((digest) => ({ key: digest, size: blobSizes.get(digest) ?? 0 })),
    ];
    // No await from here to the delete: nobody can begin to use one of these images.
    const users = records.users();
    const facts: PruneFacts = {
      images: catalog().images,
      isUsed: ({ id }) => users.has(id),
      holdingsOf: (image) => holdings(image.chain, blobsOf(image)),
      others: alsoNeeded().flatMap((chain) => holdings(chain, [])),
      leftovers: leases.interrupted().flatMap((leased) => holdings(leased.chain ?? [], leased.blobs ?? [])),
    };
    const plan = planPrune(facts, options);
    if (!dryRun) {
      await this.#carryOut(plan);
      this.#parts.events.publishPrune(plan.bytes);
    }
    return { removed: plan.images.map(removalOf), bytes: plan.bytes };
  }

  async #carryOut({ images, takesLeftovers }: PrunePlan): Promise<void> {
    const { leases, sweeper } = this.#parts;
    if (images.length > 0) this.#remove(images.map(({ image }) => image));
    if (takesLeftovers) leases.endInterrupted();
    await sweeper.request();
  }

  #remove(images: readonly CatalogImage[]): void {
    const { records, onRemoved, events } = this.#parts;
    records.removeImages(images.map(({ id }) => id));
    for (const { id, references } of images) for (const _name of references) events.publish("untag", id);
    onRemoved(images.map(({ id }) => id));
    for (const { id } of images) events.publish("delete", id);
  }
}
