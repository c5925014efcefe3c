import type { BlobStore } from "../content/blob-store.ts";
import type { Digest } from "../oci/digest.ts";
import type { Lease } from "./leases.ts";

/** The blob store as a work sees it: its lease holds whatever it looks for or makes. */
export type LeasedBlobs = {
  readonly openIngest: () => ReturnType<BlobStore["openIngest"]>;
  readonly openGrowingIngest: () => ReturnType<BlobStore["openGrowingIngest"]>;
  readonly has: BlobStore["has"];
  readonly read: BlobStore["read"];
  readonly pathOf: BlobStore["pathOf"];
};

export function leasedBlobs(blobs: BlobStore, lease: Lease): LeasedBlobs {
  const hold = (digest: Digest): Promise<void> => lease.hold({ blobs: [digest] });
  return {
    openIngest: () => blobs.openIngest(hold),
    openGrowingIngest: () => blobs.openGrowingIngest(null, hold),
    has: (digest) => hold(digest).then(() => blobs.has(digest)),
    read: (digest, limit) => hold(digest).then(() => blobs.read(digest, limit)),
    pathOf: (digest) => blobs.pathOf(digest),
  };
}
