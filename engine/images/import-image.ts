import type { GrowingIngest } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import { decompressForeign } from "../host/decompress.ts";
import type { LayerDigests, LayerStore, StagedLayer } from "../layers/layer-store.ts";
import { abortable } from "../lib/abortable.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { runTogether } from "../lib/settle.ts";
import type { DiffID, ImageID } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import type { Platform } from "../oci/platform.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import { storeBlob } from "./archive-file.ts";
import type { RunConfigChange } from "./changes-parser.ts";
import type { ImageRecord } from "./image-records.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";
import { counting, type LoadWork } from "./load-images.ts";

/** What an import becomes, checked before the first byte comes. */
export type ImportPlan = {
  readonly reference: Reference | null;
  readonly run: RunConfigChange;
  readonly platform: Platform;
  readonly message: string;
  readonly createdAt: string;
};

export type ImportedImage = { readonly record: ImageRecord; readonly imageConfig: ImageConfig };

/**
 * Puts a root file system into the stores as a one-layer image; it is unpacked while it comes in. Writes no record: the caller does, or sweeps.
 */
export async function storeRootfs(
  rootfs: AsyncIterable<Uint8Array>,
  plan: ImportPlan,
  work: LoadWork & { readonly blobs: LeasedBlobs; readonly layers: LayerStore },
): Promise<ImportedImage> {
  const { digest, diffID } = await receiveRootfs(rootfs, work);
  const imageConfig = makeConfig(plan, diffID);
  const id = (await storeBlob(work.blobs, Buffer.from(JSON.stringify(imageConfig)))) as ImageID;
  const record: ImageRecord = {
    id,
    manifestDigest: null,
    createdAt: plan.createdAt,
    architecture: plan.platform.architecture,
    os: plan.platform.os,
    addedAt: new Date().toISOString(),
    layers: [{ diffID, blobDigest: digest }],
    references: plan.reference === null ? [] : [formatReference(plan.reference)],
    digests: [],
  };
  return { record, imageConfig };
}

async function receiveRootfs(
  rootfs: AsyncIterable<Uint8Array>,
  work: LoadWork & { readonly blobs: LeasedBlobs; readonly layers: LayerStore },
): Promise<LayerDigests> {
  const counted = counting(rootfs, (current) => work.progress.report("receiving", "", { current, total: null }));
  const bytes = new ByteReader(abortable(decompressForeign(counted), work.signal, "import"));
  try {
    const magic = await bytes.peek(1);
    if (magic.length === 0) throw new EngineError("corrupt", "root file system is empty: no byte came");
    await using ingest = await work.blobs.openGrowingIngest();
    await using staged = await receiveAndStage(bytes, ingest, work);
    await work.lease.hold({ chain: [staged.diffID] });
    await staged.keep([staged.diffID]);
    await ingest.commit(staged.digest);
    return { digest: staged.digest, diffID: staged.diffID };
  } finally {
    await bytes.close();
  }
}

async function receiveAndStage(
  bytes: ByteReader,
  ingest: GrowingIngest,
  work: LoadWork & { readonly layers: LayerStore },
): Promise<StagedLayer> {
  let isReceived = false;
  const onProgress = (current: number): void => {
    if (isReceived) work.progress.report("unpacking", "", { current, total: ingest.size });
  };
  const source = { path: ingest.path, growth: ingest.growth };
  const receive = async (signal: AbortSignal): Promise<void> => {
    for await (const chunk of abortable(bytes.rest(), signal, "import")) await ingest.write(chunk);
    await ingest.end();
    isReceived = true;
  };
  const stage = (signal: AbortSignal): Promise<StagedLayer> => work.layers.stage(source, { signal, onProgress });
  const [, staged] = await runTogether(work.signal, receive, stage);
  return staged;
}

function makeConfig(plan: ImportPlan, diffID: DiffID): ImageConfig {
  return {
    ...plan.platform,
    created: plan.createdAt,
    comment: plan.message,
    config: { ...plan.run },
    rootfs: { type: "layers", diff_ids: [diffID] },
    history: [{ created: plan.createdAt, comment: plan.message }],
  };
}
