import type { LayerStore } from "../layers/layer-store.ts";
import type { DiffID, Digest } from "../oci/digest.ts";
import type { Removal } from "../protocol/upkeep.ts";
import type { CatalogImage } from "./catalog.ts";
import type { PruneOptions } from "./image-service.ts";

/** A directory or a blob, by what is the same only for the same bytes on the disk. */
export type Holding = { readonly key: string; readonly size: number };
export type HoldingsOf = (image: CatalogImage) => readonly Holding[];

/** An image that goes, and the bytes that go with it, since nothing that stays holds them. */
export type PrunedImage = { readonly image: CatalogImage; readonly bytes: number };

export type PruneFacts = {
  readonly images: readonly CatalogImage[];
  readonly isUsed: (image: CatalogImage) => boolean;
  readonly holdingsOf: HoldingsOf;
  /** What somebody beside images needs: it stays. */
  readonly others?: readonly Holding[];
  /** What interrupted pulls have left. It goes unless images are chosen by when they were made or by their labels. */
  readonly leftovers: readonly Holding[];
};

export type PrunePlan = {
  readonly images: readonly PrunedImage[];
  readonly takesLeftovers: boolean;
  /** Bytes that go with all of them. */
  readonly bytes: number;
};

/** Images in use, and those that the options spare, stay. Sizes are right when all of them go in this order. */
export function planPrune(facts: PruneFacts, options: PruneOptions): PrunePlan {
  const holders = new Holders();
  for (const image of facts.images) holders.add(facts.holdingsOf(image));
  holders.add(facts.leftovers);
  holders.add(facts.others ?? []);
  const takesLeftovers = options.until === null && options.labels.length === 0;
  const leftoverBytes = takesLeftovers ? holders.take(facts.leftovers) : 0;
  const images = facts.images
    .filter((image) => !facts.isUsed(image) && passes(image, options))
    .map((image) => ({ image, bytes: holders.take(facts.holdingsOf(image)) }));
  return { images, takesLeftovers, bytes: images.reduce((total, { bytes }) => total + bytes, leftoverBytes) };
}

/** Counts who holds what. */
class Holders {
  readonly #counts = new Map<string, number>();

  add(holdings: readonly Holding[]): void {
    for (const key of distinct(holdings).keys()) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Gives the bytes that nobody holds any more. */
  take(holdings: readonly Holding[]): number {
    let bytes = 0;
    for (const [key, size] of distinct(holdings)) {
      const left = (this.#counts.get(key) ?? 1) - 1;
      this.#counts.set(key, left);
      if (left === 0) bytes += size;
    }
    return bytes;
  }
}

/** A layer may lie in an image twice. */
function distinct(holdings: readonly Holding[]): Map<string, number> {
  return new Map(holdings.map(({ key, size }) => [key, size]));
}

function passes(image: CatalogImage, { all, until, labels }: PruneOptions): boolean {
  if (!all && image.references.length > 0) return false;
  if (until !== null && Date.parse(image.createdAt) > Date.parse(until)) return false;
  const own = image.imageConfig?.config?.Labels ?? {};
  return labels.every((label) => (label.startsWith("!") ? !hasLabel(own, label.slice(1)) : hasLabel(own, label)));
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const key = equals === -1 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals === -1 || labels[key] === wanted.slice(equals + 1));
}

export function removalOf({ image, bytes }: PrunedImage): Removal {
  return { id: image.id, references: [...image.names], createdAt: image.createdAt, size: bytes };
}

/** Digests of all blobs that an image is made of. */
export function blobsOf(image: Pick<CatalogImage, "id" | "manifestDigest" | "layers" | "attestations">): Digest[] {
  const said = (image.attestations ?? []).map(({ digest }) => digest);
  const digests = [image.id, image.manifestDigest, ...said, ...image.layers.map((layer) => layer.blobDigest)];
  return digests.filter((digest) => digest !== null);
}

/** Layers that are unpacked, by their directory. */
export function layersOf(chain: readonly DiffID[], layers: LayerStore): Holding[] {
  return layers.findAll(chain).flatMap((layer) => (layer === null ? [] : { key: layer.path, size: layer.size }));
}
