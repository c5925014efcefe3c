import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { BlobStore } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { abortable } from "../lib/abortable.ts";
import { forEachBounded } from "../lib/bounded.ts";
import { ByteReader } from "../lib/byte-reader.ts";
import { decompress } from "../lib/decompress.ts";
import { chainIDOf } from "../oci/chain-id.ts";
import { type DiffID, type Digest, digestOfHex } from "../oci/digest.ts";
import { createdOf, osOf } from "../oci/image-config.ts";
import { formatReference } from "../oci/reference.ts";
import { ArchiveFiles, quote } from "./archive-files.ts";
import { shortID } from "./catalog.ts";
import { dockerManifestPath, planDockerArchive } from "./docker-archive.ts";
import type { ImagePlan, PlannedLayer } from "./image-plan.ts";
import type { ImageRecord, LayerRecord } from "./image-records.ts";
import { indexPath, planOciLayout } from "./oci-layout.ts";
import type { ProgressReporter } from "./progress-reporter.ts";

/** Each unpacking is a worker of its own; more than this only fight for the disk. */
const unpackLimit = 3;

export type LoadStores = {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  /** True where these bytes are known to be that layer's tar. */
  readonly isLayerBlob: (diffID: DiffID, digest: Digest) => boolean;
};
export type LoadWork = { readonly signal: AbortSignal; readonly progress: ProgressReporter };

/** An image whose bytes are all in the stores. */
export type StoredImage = { readonly plan: ImagePlan; readonly record: ImageRecord };

/**
 * Receives an archive and puts all that its images need into the stores. Writes no record: the caller does, or sweeps. Fails with
 * `corrupt` for a broken, incomplete or hostile archive.
 */
export async function storeArchive(
  archive: AsyncIterable<Uint8Array>,
  stores: LoadStores,
  work: LoadWork,
): Promise<StoredImage[]> {
  const files = await receiveArchive(archive, stores.blobs, work);
  const plans = await planArchive(files);
  await unpackAll(
    plans.flatMap((plan) => plan.layers),
    files,
    { ...stores, ...work },
  );
  const addedAt = new Date().toISOString();
  const images: StoredImage[] = [];
  for (const plan of plans) images.push({ plan, record: await storeDocuments(plan, files, addedAt) });
  return images;
}

async function receiveArchive(
  archive: AsyncIterable<Uint8Array>,
  blobs: BlobStore,
  work: LoadWork,
): Promise<ArchiveFiles> {
  const files = new ArchiveFiles(blobs);
  const counted = counting(archive, (current) => work.progress.report("receiving", "", { current, total: null }));
  const bytes = new ByteReader(abortable(decompress(counted), work.signal, "load"));
  try {
    await files.receive(bytes);
  } finally {
    await bytes.close();
  }
  return files;
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

async function unpackAll(
  layers: readonly PlannedLayer[],
  files: ArchiveFiles,
  work: LoadStores & LoadWork,
): Promise<void> {
  const places = [...new Map(layers.map((layer) => [chainIDOf(layer.chain), layer])).values()];
  await forEachBounded(places, { limit: unpackLimit, signal: work.signal }, async (layer, signal) => {
    const { file } = layer;
    const isThere = work.layers.find(layer.chain) !== null;
    if (file === null) {
      if (!isThere) throw absentLayer(layer);
      return;
    }
    const path = work.blobs.pathOf(await files.keep(file));
    if (!isThere) {
      const onProgress = (current: number): void =>
        work.progress.report("unpacking", shortID(layer.diffID), { current, total: file.size });
      await work.layers.unpack(layer.chain, { path }, { signal, onProgress });
    } else if (file.digest !== layer.diffID && !work.isLayerBlob(layer.diffID, file.digest)) {
      await verifyLayer(layer, path, signal);
    }
  });
}

/** A layer that is unpacked already vouches for nothing: the archive's file may be another one. */
async function verifyLayer(layer: PlannedLayer, path: string, signal: AbortSignal): Promise<void> {
  const hash = createHash("sha256");
  const source = createReadStream(path, { highWaterMark: 1024 * 1024 });
  for await (const chunk of decompress(abortable(source, signal, "load"))) hash.update(chunk);
  const actual = digestOfHex(hash.digest("hex"));
  if (actual === layer.diffID) return;
  throw new EngineError("corrupt", `layer ${quote(layer.path)} is not ${layer.diffID}: its tar hashes to ${actual}`);
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
