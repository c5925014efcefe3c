import type { BlobStore } from "../content/blob-store.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { forEachBounded } from "../lib/bounded.ts";
import type { Digest } from "../oci/digest.ts";
import type { Removal } from "../protocol/upkeep.ts";
import type { CatalogImage } from "./catalog.ts";
import type { PruneOptions } from "./image-service.ts";
import { sizeOf } from "./kept-layers.ts";

/** A directory or a blob, by what is the same only for the same bytes on the disk. */
export type Holding = { readonly key: string; readonly size: number };
export type HoldingsOf = (image: CatalogImage) => readonly Holding[];

/** An image that goes, and the bytes that go with it, since nothing that stays holds them. */
export type PrunedImage = { readonly image: CatalogImage; readonly bytes: number };

/** Images in use (by ID) and those that a filter keeps stay. Sizes are right when all of them go in this order. */
export function planPrune(
  images: readonly CatalogImage[],
  options: PruneOptions & { readonly isUsed: (image: CatalogImage) => boolean; readonly holdingsOf: HoldingsOf },
): PrunedImage[] {
  const holders = new Map<string, number>();
  for (const image of images) {
    for (const key of distinct(options.holdingsOf(image)).keys()) holders.set(key, (holders.get(key) ?? 0) + 1);
  }
  const going = images.filter((image) => !options.isUsed(image) && passes(image, options));
  return going.map((image) => {
    let bytes = 0;
    for (const [key, size] of distinct(options.holdingsOf(image))) {
      const left = (holders.get(key) ?? 1) - 1;
      holders.set(key, left);
      if (left === 0) bytes += size;
    }
    return { image, bytes };
  });
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
export function blobsOf(image: Pick<CatalogImage, "id" | "manifestDigest" | "layers">): Digest[] {
  const digests = [image.id, image.manifestDigest, ...image.layers.map((layer) => layer.blobDigest)];
  return digests.filter((digest) => digest !== null);
}

/** Layers that are unpacked, by their directory. */
export function layersOf(image: CatalogImage, layers: LayerStore): Holding[] {
  return image.chain.flatMap((_, position) => {
    const chain = image.chain.slice(0, position + 1);
    const layer = layers.find(chain);
    return layer === null ? [] : { key: layers.pathOf(chain), size: layer.size };
  });
}

/** Bytes of all finished blobs. */
export async function measureBlobs(blobs: BlobStore): Promise<Map<Digest, number>> {
  const sizes = new Map<Digest, number>();
  const never = new AbortController().signal;
  await forEachBounded(await blobs.list(), { limit: 8, signal: never }, async (digest) => {
    const size = await sizeOf(blobs, digest);
    if (size !== null) sizes.set(digest, size);
  });
  return sizes;
}
