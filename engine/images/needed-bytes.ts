import type { DiffID, Digest } from "../oci/digest.ts";
import type { ImageRecord } from "./image-records.ts";

/** What the records of images need to be there. */
export function neededBytes(images: readonly ImageRecord[]): {
  readonly blobs: ReadonlySet<Digest>;
  readonly chains: readonly (readonly DiffID[])[];
} {
  const blobs = images.flatMap((image) => [
    image.id,
    ...(image.manifestDigest === null ? [] : [image.manifestDigest]),
    ...image.digests.map(({ digest }) => digest),
    ...(image.attestations ?? []).map(({ digest }) => digest),
    ...image.layers.flatMap(({ blobDigest }) => (blobDigest === null ? [] : [blobDigest])),
  ]);
  return { blobs: new Set<Digest>(blobs), chains: images.map(({ layers }) => layers.map(({ diffID }) => diffID)) };
}
