import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { EngineError } from "../errors.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { abortable } from "../lib/abortable.ts";
import { forEachBounded } from "../lib/bounded.ts";
import { gzip } from "../lib/gzip.ts";
import { KeyedQueue } from "../lib/keyed-queue.ts";
import { type DiffID, digestOfHex } from "../oci/digest.ts";
import { storeBlob } from "./archive-file.ts";
import { type Catalog, type CatalogImage, displayName, shortID } from "./catalog.ts";
import type { ImageRecords } from "./image-records.ts";
import {
  findExactImage,
  findKeptLayers,
  type KeptLayer,
  makeManifest,
  type OutgoingImage,
  sizeOf,
} from "./kept-layers.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";
import type { Lease } from "./leases.ts";
import { rebuildTar } from "./rebuild-tar.ts";
import { damaged, requireWhole } from "./whole-blob.ts";

export type PrepareParts = {
  /** Holds what is here of the image, and what is made for it. */
  readonly lease: Lease;
  readonly blobs: LeasedBlobs;
  /** As it is now. */
  readonly catalog: () => Catalog;
  readonly records: ImageRecords;
  /** Called when records have changed. */
  readonly onRecord: () => void;
  readonly layers: LayerStore;
};

export type PrepareWork = {
  readonly signal: AbortSignal;
  /** Bytes of the plain tar compressed so far. */
  readonly onCompress: (layer: string, current: number, total: number) => void;
};

/** Of several pushes of one image the first prepares it, and the others find it done. */
const preparing = new KeyedQueue();
/** A large one takes all processors by itself; small ones wait for the disk most of the time, each for its own. */
const largeLayers = new KeyedQueue();
const largeSize = 4 * 1024 * 1024;
const smallLimit = 4;

/**
 * What is to be pushed of an image: the manifest it came with, byte by byte, so that its digest stays. Where it came without (a
 * docker-archive, an import, a commit) a new one of docker's schema 2, as docker pushes it: every registry and client that knows OCI's
 * form knows this one, too, and not the other way round. It and what was compressed for it is kept for the next time.
 */
export async function prepareImage(
  image: CatalogImage,
  parts: PrepareParts,
  work: PrepareWork,
): Promise<OutgoingImage> {
  await parts.lease.hold({ chain: image.chain });
  const exact = await findExactImage(image, parts.blobs);
  return exact ?? preparing.run(image.id, () => makeOutgoing(image, parts, work));
}

async function makeOutgoing(before: CatalogImage, parts: PrepareParts, work: PrepareWork): Promise<OutgoingImage> {
  const image = parts.catalog().findByID(before.id) ?? before;
  const exact = await findExactImage(image, parts.blobs);
  if (exact !== null) return exact;
  const configSize = await sizeOf(parts.blobs, image.id);
  if (configSize === null) throw lost(image, "its config");
  const layers = await compressedLayers(image, parts, work);
  // An index of OCI's form does not name one of docker's.
  const form = (image.attestations ?? []).length > 0 ? "oci" : "docker";
  const made = makeManifest(form, { id: image.id, configSize }, layers);
  const digest = await storeBlob(parts.blobs, made.bytes);
  parts.records.setManifest(
    image.id,
    digest,
    layers.map((layer) => layer.digest),
  );
  parts.onRecord();
  const manifest = { mediaType: made.mediaType, digest, size: made.bytes.length };
  return { manifest, bytes: made.bytes, config: made.config, layers: made.layers };
}

async function compressedLayers(image: CatalogImage, parts: PrepareParts, work: PrepareWork): Promise<KeptLayer[]> {
  const layers: KeptLayer[] = [];
  const positions = [...image.layers.keys()];
  await forEachBounded(positions, { limit: smallLimit, signal: work.signal }, async (position, signal) => {
    if (signal.aborted) throw new EngineError("cancelled", "push was cancelled");
    layers[position] = await compressedLayer(image, position, parts, { ...work, signal });
  });
  return layers;
}

async function compressedLayer(
  image: CatalogImage,
  position: number,
  parts: PrepareParts,
  work: PrepareWork,
): Promise<KeptLayer> {
  const kept = await findKeptLayers(image, position, { blobs: parts.blobs, catalog: parts.catalog() });
  const ready = kept.find(({ compression }) => compression !== "none");
  if (ready !== undefined) {
    // No manifest has said its size: it is looked at before one of ours does.
    await requireWhole(parts.blobs, ready.digest, work.signal);
    return ready;
  }
  const plain = kept[0] ?? (await rebuildLayer(image, position, parts, work.signal));
  if (plain.size < largeSize) return compressLayer(plain, parts.blobs, work);
  return largeLayers.run("", () => compressLayer(plain, parts.blobs, work));
}

async function compressLayer(plain: KeptLayer, blobs: LeasedBlobs, work: PrepareWork): Promise<KeptLayer> {
  const { diffID } = plain;
  const hash = createHash("sha256");
  let current = 0;
  const file = createReadStream(blobs.pathOf(plain.digest), { highWaterMark: 1024 * 1024 });
  const checked = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of abortable(file, work.signal, "push")) {
      hash.update(chunk);
      current += chunk.length;
      work.onCompress(shortID(diffID), current, plain.size);
      yield chunk;
    }
  };
  await using ingest = await blobs.openIngest();
  for await (const piece of gzip(checked())) await ingest.write(piece);
  const actual = digestOfHex(hash.digest("hex"));
  if (actual !== diffID) throw damaged(plain.digest, `its tar hashes to ${actual}`);
  const { digest, size } = await ingest.commit();
  return { diffID, digest, size, compression: "gzip" };
}

/** Stores the tar of a layer made from its files. Fails with `failed-precondition` unless it is byte by byte the one it came from. */
export async function rebuildLayer(
  image: CatalogImage,
  position: number,
  parts: Pick<PrepareParts, "blobs" | "layers">,
  signal: AbortSignal,
): Promise<KeptLayer> {
  const chain = image.chain.slice(0, position + 1);
  const diffID = chain[position] as DiffID;
  await using ingest = await parts.blobs.openIngest();
  try {
    for await (const chunk of rebuildTar(parts.layers, chain, signal)) await ingest.write(chunk);
    const { digest, size } = await ingest.commit({ digest: diffID });
    return { diffID, digest, size, compression: "none" };
  } catch (error) {
    const isLost = error instanceof EngineError && (error.code === "corrupt" || error.code === "not-found");
    throw isLost ? lost(image, `the tar of layer ${shortID(diffID)}`) : error;
  }
}

/** Only what it was unpacked to is left, and that would make another image of it. */
function lost(image: CatalogImage, what: string): EngineError {
  return new EngineError(
    "failed-precondition",
    `image ${displayName(image)} cannot leave this engine: ${what} is not kept`,
    {
      hint: "pull or load the image again, then try again",
    },
  );
}
