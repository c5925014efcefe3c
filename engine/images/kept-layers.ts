import { open, stat } from "node:fs/promises";
import { EngineError } from "../errors.ts";
import { type Compression, compressionOf } from "../lib/compression.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { DiffID, Digest } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import type { AttestedIndex } from "./attestations.ts";
import type { Catalog, CatalogImage } from "./catalog.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";
import { damaged } from "./whole-blob.ts";

/** A layer's tar as it lies in the store. */
export type KeptLayer = {
  readonly diffID: DiffID;
  readonly digest: Digest;
  readonly size: number;
  readonly compression: Compression;
};

/** A manifest whose bytes are at hand, and the blobs it names. */
export type OutgoingImage = {
  readonly manifest: Descriptor;
  readonly bytes: Buffer;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
  /** Where something is said about it: names stand for the index then. */
  readonly attested?: AttestedIndex;
};

type Stores = { readonly blobs: LeasedBlobs; readonly catalog: Catalog };

/** The manifest the image came with, if everything it names is here; else null. Fails with `corrupt` for a blob of the wrong size. */
export async function findExactImage(image: CatalogImage, blobs: LeasedBlobs): Promise<OutgoingImage | null> {
  if (image.manifestDigest === null) return null;
  const bytes = await readManifest(image.manifestDigest, blobs);
  if (bytes === null) return null;
  const { mediaType, config, layers } = parseManifest(bytes, `manifest ${image.manifestDigest}`);
  // Every docker schema 2 manifest names its own type; an OCI one may leave it out.
  const manifest = {
    mediaType: mediaType ?? "application/vnd.oci.image.manifest.v1+json",
    digest: image.manifestDigest,
    size: bytes.length,
  };
  if (config.digest !== image.id || layers.length !== image.chain.length) return null;
  for (const { digest, size } of [config, ...layers]) {
    const kept = await sizeOf(blobs, digest);
    if (kept === null) return null;
    if (kept !== size) throw damaged(digest, `it has ${kept} bytes instead of ${size}`);
  }
  return { manifest, bytes, config, layers };
}

async function readManifest(digest: Digest, blobs: LeasedBlobs): Promise<Buffer | null> {
  try {
    return await blobs.read(digest);
  } catch (error) {
    if (error instanceof EngineError && (error.code === "not-found" || error.code === "corrupt")) return null;
    throw error;
  }
}

/** Bytes of a blob, null where it is not there. */
export async function sizeOf(blobs: LeasedBlobs, digest: Digest): Promise<number | null> {
  try {
    // Whoever holds what he looks for holds it from here on.
    if (!(await blobs.has(digest))) return null;
    return (await stat(blobs.pathOf(digest))).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw EngineError.wrap(`look for blob ${digest}`, error);
  }
}

/**
 * All forms in which a layer's tar is here: its own blob first, then those that other images with the same layer brought, then the plain
 * tar, which bears the layer's own digest.
 */
export async function findKeptLayers(image: CatalogImage, position: number, stores: Stores): Promise<KeptLayer[]> {
  const own = image.layers[position];
  if (own === undefined) return [];
  const { diffID } = own;
  const others = stores.catalog.sharersOf(diffID, image).flatMap((other) => other.layers);
  const digests = [own, ...others.filter((layer) => layer.diffID === diffID)].map(({ blobDigest }) => blobDigest);
  const kept: KeptLayer[] = [];
  for (const digest of new Set([...digests, diffID])) {
    const size = digest === null ? null : await sizeOf(stores.blobs, digest);
    if (digest === null || size === null) continue;
    const compression = digest === diffID ? "none" : await compressionIn(stores.blobs.pathOf(digest));
    kept.push({ diffID, digest, size, compression });
  }
  return kept;
}

async function compressionIn(path: string): Promise<Compression> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(6), 0, 6, 0);
    return compressionOf(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

const layerTypes = {
  docker: {
    none: "application/vnd.docker.image.rootfs.diff.tar",
    gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    zstd: null,
  },
  oci: {
    none: "application/vnd.oci.image.layer.v1.tar",
    gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
    zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  },
} as const;

const documentTypes = {
  docker: {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
  },
  oci: {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
  },
} as const;

/**
 * A manifest for an image that came without one. `docker` is schema 2, which knows no zstd: OCI's form is taken where a layer needs it.
 * The same image and layers give the same bytes.
 */
export function makeManifest(
  form: "docker" | "oci",
  image: { readonly id: Digest; readonly configSize: number },
  layers: readonly KeptLayer[],
): { readonly mediaType: string; readonly bytes: Buffer; readonly config: Descriptor; readonly layers: Descriptor[] } {
  const known = layers.every(({ compression }) => layerTypes[form][compression] !== null) ? form : "oci";
  const types = documentTypes[known];
  const config = { mediaType: types.config, size: image.configSize, digest: image.id };
  const described = layers.map(({ digest, size, compression }) => ({
    mediaType: layerTypes[known][compression] ?? layerTypes.oci[compression],
    size,
    digest,
  }));
  const document = { schemaVersion: 2, mediaType: types.manifest, config, layers: described };
  return { mediaType: types.manifest, bytes: Buffer.from(JSON.stringify(document)), config, layers: described };
}
