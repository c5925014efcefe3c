import { posix } from "node:path";
import { EngineError } from "../errors.ts";
import { decompress } from "../host/decompress.ts";
import type { LayerStore, UnpackOptions } from "../layers/layer-store.ts";
import { abortable } from "../lib/abortable.ts";
import { forEachBounded } from "../lib/bounded.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { chainIDOf } from "../oci/chain-id.ts";
import type { Digest } from "../oci/digest.ts";
import { createdOf, osOf } from "../oci/image-config.ts";
import { formatReference } from "../oci/reference.ts";
import type { ArchiveFile } from "./archive-file.ts";
import { ArchiveFiles, quote } from "./archive-files.ts";
import { shortID } from "./catalog.ts";
import { dockerManifestPath, planDockerArchive } from "./docker-archive.ts";
import type { ImagePlan, PlannedLayer } from "./image-plan.ts";
import type { ImageRecord, LayerRecord } from "./image-records.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";
import type { Lease } from "./leases.ts";
import { indexPath, planOciLayout } from "./oci-layout.ts";
import type { ProgressReporter } from "./progress-reporter.ts";

/** Layers that are made durable at once: those that wait for the disk together wait once. */
const keepLimit = 16;

export type LoadStores = {
  readonly blobs: LeasedBlobs;
  readonly layers: LayerStore;
  /** True for the digest of a layer that an image has, or of its blob. */
  readonly isHere: (digest: Digest) => boolean;
};
/** lease: holds what is made until records name it. */
export type LoadWork = { readonly signal: AbortSignal; readonly progress: ProgressReporter; readonly lease: Lease };

/** An image whose bytes are all in the stores. */
export type StoredImage = { readonly plan: ImagePlan; readonly record: ImageRecord };

/**
 * Receives an archive and puts all that its images need into the stores; layers are unpacked while the archive comes in. Writes no
 * record: the caller does, or sweeps. Fails with `corrupt` for a broken, incomplete or hostile archive.
 */
export async function storeArchive(
  archive: AsyncIterable<Uint8Array>,
  stores: LoadStores,
  work: LoadWork,
): Promise<StoredImage[]> {
  let isReceived = false;
  const onUnpack = (path: string, current: number): void => {
    if (isReceived) work.progress.report("unpacking", shortNameOf(path), { current, total: null });
  };
  await using files = new ArchiveFiles(stores, { signal: work.signal, onUnpack });
  await receiveArchive(archive, files, work);
  isReceived = true;
  const plans = await planArchive(files);
  for (const { layers } of plans) await work.lease.hold({ chain: layers.map(({ diffID }) => diffID) });
  await keepLayers(
    plans.flatMap((plan) => plan.layers),
    files,
    { ...stores, ...work },
  );
  const addedAt = new Date().toISOString();
  const images: StoredImage[] = [];
  for (const plan of plans) images.push({ plan, record: await storeDocuments(plan, files, addedAt) });
  return images;
}

async function receiveArchive(archive: AsyncIterable<Uint8Array>, files: ArchiveFiles, work: LoadWork): Promise<void> {
  const counted = counting(archive, (current) => work.progress.report("receiving", "", { current, total: null }));
  const bytes = new ByteReader(abortable(decompress(counted), work.signal, "load"));
  try {
    await files.receive(bytes);
  } finally {
    await bytes.close();
  }
}

export async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    onBytes(bytes);
    yield chunk;
  }
}

async function planArchive(files: ArchiveFiles): Promise<ImagePlan[]> {
  if (files.isEmpty) throw new EngineError("corrupt", "archive is empty");
  const plans = await planKnownArchive(files);
  if (plans.length === 0) throw new EngineError("corrupt", "archive holds no image");
  return plans;
}

/** docker save writes both since version 25; its manifest.json names all images, its index.json may not. */
function planKnownArchive(files: ArchiveFiles): Promise<ImagePlan[]> {
  if (files.find(dockerManifestPath) !== null) return planDockerArchive(files);
  if (files.find(indexPath) !== null) return planOciLayout(files);
  throw new EngineError("corrupt", `archive is no image: it has neither ${dockerManifestPath} nor ${indexPath}`, {
    hint: "a root file system becomes an image with `gantry import`",
  });
}

async function keepLayers(
  layers: readonly PlannedLayer[],
  files: ArchiveFiles,
  work: LoadStores & LoadWork,
): Promise<void> {
  const places = [...new Map(layers.map((layer) => [chainIDOf(layer.chain), layer])).values()];
  await forEachBounded(places, { limit: keepLimit, signal: work.signal }, async (layer, signal) => {
    const { file } = layer;
    if (file === null) {
      if (work.layers.find(layer.chain) === null) throw absentLayer(layer);
      return;
    }
    const path = work.blobs.pathOf(await files.keep(file));
    const onProgress = (current: number): void =>
      work.progress.report("unpacking", shortID(layer.diffID), { current, total: file.size });
    await keepLayer(layer, file, { ...work, path, options: { signal, onProgress } });
  });
}

/** A layer that is unpacked already vouches for nothing: the archive's file may be another one. */
async function keepLayer(
  layer: PlannedLayer,
  file: ArchiveFile,
  { layers, path, options }: { readonly layers: LayerStore; readonly path: string; readonly options: UnpackOptions },
): Promise<void> {
  await using staged = file.takeLayer();
  const diffID = file.diffID ?? (await layers.digest({ path }, options)).diffID;
  if (diffID !== layer.diffID) {
    throw new EngineError("corrupt", `layer digest mismatch: want ${layer.diffID}, got ${diffID}`, {
      hint: `the archive's ${quote(layer.path)} is damaged or another image's: make or get the archive again`,
    });
  }
  if (layers.find(layer.chain) !== null) return;
  if (staged === null) await layers.unpack(layer.chain, { path }, options);
  else await staged.keep(layer.chain);
}

/** What to call a file of the archive while nobody knows what it is: 12 hex digits, if it has some. */
function shortNameOf(path: string): string {
  return /[0-9a-f]{64}/.exec(path)?.[0].slice(0, 12) ?? posix.basename(path).slice(0, 20);
}

function absentLayer(layer: PlannedLayer): EngineError {
  return new EngineError("corrupt", `archive lacks layer ${quote(layer.path)}, and the engine has no ${layer.diffID}`);
}

/** Keeps the blobs that the image needs and says what its record is. */
async function storeDocuments(plan: ImagePlan, files: ArchiveFiles, addedAt: string): Promise<ImageRecord> {
  await files.keep(plan.configFile);
  const layers: LayerRecord[] = [];
  for (const { diffID, file } of plan.layers) {
    layers.push({ diffID, blobDigest: file === null ? null : await files.keep(file) });
  }
  return {
    id: plan.id,
    manifestDigest: plan.manifestFile === null ? null : await files.keep(plan.manifestFile),
    createdAt: createdOf(plan.imageConfig),
    architecture: plan.imageConfig.architecture ?? "",
    os: osOf(plan.imageConfig),
    addedAt,
    layers,
    references: plan.references.map(formatReference),
    digests: [],
  };
}
