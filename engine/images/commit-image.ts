import type { LayerStore } from "../layers/layer-store.ts";
import { abortable } from "../lib/abortable.ts";
import type { DiffID, Digest, ImageID } from "../oci/digest.ts";
import type { HistoryDocument, ImageConfig } from "../oci/image-config.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import { storeBlob } from "./archive-file.ts";
import { type CatalogImage, shortID } from "./catalog.ts";
import { parseChanges, type RunConfigChange } from "./changes-parser.ts";
import type { ImageRecord } from "./image-records.ts";
import type { CommitOptions } from "./image-service.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";
import { counting, type LoadWork } from "./load-images.ts";

/** What a commit becomes, checked before the first byte comes. */
export type CommitPlan = {
  readonly base: CatalogImage;
  readonly baseConfig: ImageConfig;
  readonly reference: Reference | null;
  readonly run: Record<string, unknown>;
  readonly options: CommitOptions;
};

export type CommittedImage = { readonly record: ImageRecord; readonly imageConfig: ImageConfig };

/** A tar without members: two zero blocks. docker makes no layer of it. */
const emptyTar = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/** The container's configuration with changes. An entrypoint that changes takes the command away (docker's Dockerfile reference). */
export function changeRunConfig(
  config: Readonly<Record<string, unknown>>,
  changes: readonly string[],
): Record<string, unknown> {
  const base = withoutNulls(config) as RunConfigChange;
  const isNamed = (name: string) => changes.some((line) => line.trim().toUpperCase().startsWith(`${name} `));
  const changed: Record<string, unknown> = { ...config, ...parseChanges(changes, base) };
  if (isNamed("ENTRYPOINT") && !isNamed("CMD")) changed.Cmd = null;
  return changed;
}

/** Puts the changes of a container into the stores as a layer of a new image. Writes no record: the caller does, or sweeps. */
export async function storeCommit(
  tar: AsyncIterable<Uint8Array>,
  plan: CommitPlan,
  work: LoadWork & { readonly blobs: LeasedBlobs; readonly layers: LayerStore },
): Promise<CommittedImage> {
  const { base } = plan;
  await work.lease.hold({ chain: base.chain, blobs: base.layers.flatMap(({ blobDigest }) => blobDigest ?? []) });
  const layer = await receiveLayer(tar, work);
  const createdAt = new Date().toISOString();
  const chain = layer === null ? base.chain : [...base.chain, layer.digest as string as DiffID];
  await work.lease.hold({ chain });
  if (layer !== null) {
    const onProgress = (current: number): void =>
      work.progress.report("unpacking", shortID(layer.digest), { current, total: layer.size });
    await work.layers.unpack(chain, { path: work.blobs.pathOf(layer.digest) }, { signal: work.signal, onProgress });
  }
  const imageConfig = makeConfig(plan, { chain, createdAt, isEmpty: layer === null });
  const id = (await storeBlob(work.blobs, Buffer.from(JSON.stringify(imageConfig)))) as ImageID;
  const record: ImageRecord = {
    id,
    manifestDigest: null,
    createdAt,
    architecture: base.architecture,
    os: base.os,
    addedAt: createdAt,
    layers: chain.map((diffID, index) => base.layers[index] ?? { diffID, blobDigest: layer?.digest ?? null }),
    references: plan.reference === null ? [] : [formatReference(plan.reference)],
    digests: [],
  };
  return { record, imageConfig };
}

/** The digest of an uncompressed tar is its diffID. Null where nothing was changed. */
async function receiveLayer(
  tar: AsyncIterable<Uint8Array>,
  work: LoadWork & { readonly blobs: LeasedBlobs },
): Promise<{ digest: Digest; size: number } | null> {
  const counted = counting(tar, (current) => work.progress.report("packing", "", { current, total: null }));
  await using ingest = await work.blobs.openIngest();
  for await (const chunk of abortable(counted, work.signal, "commit")) await ingest.write(chunk);
  const blob = await ingest.commit();
  return blob.digest === emptyTar ? null : blob;
}

type Made = { readonly chain: readonly DiffID[]; readonly createdAt: string; readonly isEmpty: boolean };

/** docker's fields, in its form of history. */
function makeConfig({ baseConfig, run, options }: CommitPlan, { chain, createdAt, isEmpty }: Made): ImageConfig {
  const step: HistoryDocument = {
    created: createdAt,
    ...(options.author === "" ? {} : { author: options.author }),
    created_by: options.createdBy,
    ...(options.message === "" ? {} : { comment: options.message }),
    ...(isEmpty ? { empty_layer: true } : {}),
  };
  const { architecture, variant, os } = baseConfig;
  const { "os.version": version, "os.features": features } = baseConfig;
  return withoutNulls({
    architecture,
    variant,
    os,
    "os.version": version,
    "os.features": features,
    author: options.author === "" ? null : options.author,
    config: { ...inheritedOf(baseConfig), ...run },
    container: options.container,
    container_config: options.config,
    created: createdAt,
    history: [...(baseConfig.history ?? []), step],
    rootfs: { type: "layers", diff_ids: [...chain] },
  }) as ImageConfig;
}

/** What a container takes over from its image without having it in its own configuration. */
function inheritedOf({ config }: ImageConfig): Record<string, unknown> {
  const { Healthcheck, Shell, StopSignal } = config ?? {};
  return withoutNulls({ Healthcheck, Shell, StopSignal });
}

function withoutNulls(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null && field !== undefined));
}
