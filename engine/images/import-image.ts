import type { BlobStore } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { abortable } from "../lib/abortable.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { compressionOf } from "../lib/decompress.ts";
import type { DiffID, Digest, ImageID } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { hostPlatform } from "../oci/platform.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import { storeBlob } from "./archive-files.ts";
import { shortID } from "./catalog.ts";
import type { RunConfigChange } from "./changes-parser.ts";
import type { ImageRecord } from "./image-records.ts";
import { counting, type LoadWork } from "./load-images.ts";

/** What an import becomes, checked before the first byte comes. */
export type ImportPlan = {
  readonly reference: Reference | null;
  readonly run: RunConfigChange;
  readonly message: string;
  readonly createdAt: string;
};

export type ImportedImage = { readonly record: ImageRecord; readonly imageConfig: ImageConfig };

/** Puts a root file system into the stores as a one-layer image. Writes no record: the caller does, or sweeps. */
export async function storeRootfs(
  rootfs: AsyncIterable<Uint8Array>,
  plan: ImportPlan,
  work: LoadWork & { readonly blobs: BlobStore; readonly layers: LayerStore },
): Promise<ImportedImage> {
  const blob = await receiveRootfs(rootfs, work.blobs, work);
  const onProgress = (current: number): void =>
    work.progress.report("unpacking", shortID(blob.digest), { current, total: blob.size });
  const source = { path: work.blobs.pathOf(blob.digest) };
  const { diffID } = await work.layers.unpackBase(source, { signal: work.signal, onProgress });
  const imageConfig = makeConfig(plan, diffID);
  const id = (await storeBlob(work.blobs, Buffer.from(JSON.stringify(imageConfig)))) as ImageID;
  const record: ImageRecord = {
    id,
    manifestDigest: null,
    createdAt: plan.createdAt,
    ...hostPlatform(),
    addedAt: new Date().toISOString(),
    layers: [{ diffID, blobDigest: blob.digest }],
    references: plan.reference === null ? [] : [formatReference(plan.reference)],
    digests: [],
  };
  return { record, imageConfig };
}

async function receiveRootfs(
  rootfs: AsyncIterable<Uint8Array>,
  blobs: BlobStore,
  work: LoadWork,
): Promise<{ digest: Digest; size: number }> {
  const counted = counting(rootfs, (current) => work.progress.report("receiving", "", { current, total: null }));
  const bytes = new ByteReader(abortable(counted, work.signal, "import"));
  try {
    const magic = await bytes.peek(6);
    if (magic.length === 0) throw new EngineError("corrupt", "root file system is empty: no byte came");
    // Refuses what nothing here reads.
    compressionOf(magic);
    await using ingest = await blobs.openIngest();
    for await (const chunk of bytes.rest()) await ingest.write(chunk);
    return await ingest.commit();
  } finally {
    await bytes.close();
  }
}

function makeConfig(plan: ImportPlan, diffID: DiffID): ImageConfig {
  return {
    ...hostPlatform(),
    created: plan.createdAt,
    comment: plan.message,
    config: { ...plan.run },
    rootfs: { type: "layers", diff_ids: [diffID] },
    history: [{ created: plan.createdAt, comment: plan.message }],
  };
}
