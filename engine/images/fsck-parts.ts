import type { BlobStore } from "../content/blob-store.ts";
import type { Database } from "../database/database.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import type { DiffID, Digest, ImageID } from "../oci/digest.ts";
import { familiarReference, parseReference } from "../oci/reference.ts";
import { shortID } from "./catalog.ts";
import type { Findings } from "./fsck-findings.ts";
import type { ImageRecord, ImageRecords } from "./image-records.ts";
import type { Leases } from "./leases.ts";
import type { Sweeper } from "./sweeper.ts";

export type FsckParts = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly records: ImageRecords;
  readonly leases: Leases;
  readonly sweeper: Sweeper;
  /** An image's record has changed, and what is known of its config may be wrong. */
  readonly onChanged: (id: ImageID) => Promise<void>;
  /** Stacks of layers that somebody beside images needs. */
  readonly alsoNeeded: () => readonly (readonly DiffID[])[];
  /** True while something else is being made. */
  readonly isBusy: () => boolean;
};

/** One check under way. */
export type FsckRun = FsckParts & {
  readonly findings: Findings;
  readonly signal: AbortSignal;
  /** Of sweeps when it began: those since have passed by what was held for a look. */
  readonly sweeps: number;
  /** Gives what tells how far the reading of a file has come. */
  readonly reading: (object: string) => (bytes: number) => void;
  /** Blobs that were read and are whole, and what the others hash to; null for one that cannot be read. */
  readonly whole: Set<Digest>;
  readonly damaged: Map<Digest, Damage>;
  /** Layers that were found to be wrong. */
  readonly wrong: Set<DiffID>;
};

/** inode: of the file that was read, so that no other one is taken for it. */
export type Damage = { readonly problem: string; readonly inode: number };

/** `pull web:1 or load it again`, of one of the images that need something. */
export function bringBack(images: readonly ImageRecord[]): string {
  const name = images.flatMap(({ references }) => references)[0];
  if (name !== undefined) return `pull ${familiarReference(parseReference(name))}, or load it, again`;
  const [image] = images;
  return image === undefined ? "" : `pull or load image ${shortID(image.id)} again`;
}

export function nameOf(image: ImageRecord): string {
  const [reference] = image.references;
  return reference === undefined ? shortID(image.id) : familiarReference(parseReference(reference));
}

/** Images that have a layer. */
export function holdersOf(diffID: DiffID, images: readonly ImageRecord[]): ImageRecord[] {
  return images.filter(({ layers }) => layers.some((layer) => layer.diffID === diffID));
}

export function chainOf({ layers }: ImageRecord): DiffID[] {
  return layers.map(({ diffID }) => diffID);
}
