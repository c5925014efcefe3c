import type { BlobStore } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import type { DiffID, Digest, ImageID } from "../oci/digest.ts";
import { createdOf, type ImageConfig, osOf, parseImageConfig } from "../oci/image-config.ts";
import { hostPlatform } from "../oci/platform.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import { storeBlob } from "./archive-file.ts";
import { type Catalog, shortID } from "./catalog.ts";
import type { ImageRecord, StoredAttestation } from "./image-records.ts";
import type { Attestation, ImageParts } from "./image-service.ts";
import { type LeasedBlobs, leasedBlobs } from "./leased-blobs.ts";
import type { Lease } from "./leases.ts";

export type AssembledImage = { readonly record: ImageRecord; readonly imageConfig: ImageConfig };

/** Stores the config of an image whose layers are there, and brings those to the disk. Writes no record: the caller does, or sweeps. */
export async function storeAssembled(
  { config, chain, attestations = [] }: ImageParts,
  references: readonly Reference[],
  work: {
    readonly lease: Lease;
    readonly blobs: BlobStore;
    readonly layers: LayerStore;
    readonly catalog: () => Catalog;
    /** Nothing of it is to stay. */
    readonly isPassing?: boolean;
  },
): Promise<AssembledImage> {
  await work.lease.hold({ chain });
  const lost = work.layers.findAll(chain).indexOf(null);
  if (lost !== -1) {
    throw new EngineError("not-found", `layer ${shortID(chain[lost] ?? "")} of the image is not unpacked`);
  }
  const bytes = Buffer.from(JSON.stringify({ ...config, rootfs: { type: "layers", diff_ids: chain } }));
  const imageConfig = parseImageConfig(bytes, "the image's config");
  const blobs = leasedBlobs(work.blobs, work.lease);
  const [id, said] = await Promise.all([
    storeBlob(blobs, bytes),
    Promise.all(attestations.map((attestation) => storeAttestation(attestation, blobs))),
    work.isPassing ? null : work.layers.persist(chain),
  ]);
  const record: ImageRecord = {
    id: id as ImageID,
    manifestDigest: null,
    createdAt: createdOf(imageConfig),
    architecture: imageConfig.architecture ?? hostPlatform().architecture,
    os: osOf(imageConfig),
    addedAt: new Date().toISOString(),
    // Other images keep these as long as they are here; the caller writes the record before anybody can take one away.
    layers: chain.map((diffID) => ({ diffID, blobDigest: findBlob(diffID, work.catalog()) })),
    references: references.map(formatReference),
    digests: [],
    attestations: said,
  };
  return { record, imageConfig };
}

async function storeAttestation(
  { predicateType, predicate }: Attestation,
  blobs: LeasedBlobs,
): Promise<StoredAttestation> {
  return { predicateType, digest: await storeBlob(blobs, predicate) };
}

/** The tar of a layer as another image's came; null for one that was made here: it is packed when it is needed. */
function findBlob(diffID: DiffID, catalog: Catalog): Digest | null {
  const layers = catalog.holdersOf(diffID).flatMap((image) => image.layers);
  const kept = layers.find((layer) => layer.diffID === diffID && layer.blobDigest !== null);
  return kept?.blobDigest ?? null;
}
