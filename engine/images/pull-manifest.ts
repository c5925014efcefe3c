import type { BlobStore } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import { findJson } from "../lib/json.ts";
import { type Descriptor, isIndexType, isManifestType } from "../oci/descriptor.ts";
import { type Digest, type ImageID, sha256 } from "../oci/digest.ts";
import { type ImageConfig, parseImageConfig } from "../oci/image-config.ts";
import { type Index, type Manifest, parseIndex, parseManifest } from "../oci/manifest.ts";
import { findForPlatform, formatPlatform, type Platform } from "../oci/platform.ts";
import type { Repository } from "../registry/registry-client.ts";
import type { Lease } from "./leases.ts";

const nestingLimit = 4;
const configLimit = 8 * 1024 * 1024;

export type Source = {
  readonly repository: Repository;
  readonly blobs: BlobStore;
  /** Holds each document from before the look whether it is here. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
};

/** wasHere: in the store, whole. */
type Document = { readonly digest: Digest; readonly bytes: Buffer; readonly wasHere: boolean };

/** What a name stands for. */
export type ResolvedManifest = {
  /** Exact bytes of the index, if there is one, then of the manifest. */
  readonly documents: readonly Document[];
  readonly manifest: Manifest;
  readonly hasIndex: boolean;
};

/**
 * Finds the manifest of an image for a platform, behind as many indexes as there are. Documents that are here are not fetched again: then
 * it is a single request. Fails with `not-found`, `corrupt`, or as the registry does.
 */
export async function resolveManifest(
  tagOrDigest: string,
  platform: Platform,
  source: Source,
): Promise<ResolvedManifest> {
  let descriptor = await source.repository.describe(tagOrDigest, source.signal);
  if (descriptor === null) {
    throw new EngineError("not-found", "the registry has no such image", {
      hint: "check the name and the tag; a private image may need `gantry login` first",
    });
  }
  const documents: Document[] = [];
  for (let depth = 0; depth < nestingLimit; depth++) {
    await source.lease.hold({ blobs: [descriptor.digest] });
    const document = await readDocument(descriptor, source);
    const { bytes } = document;
    documents.push(document);
    const what = `manifest ${descriptor.digest}`;
    if (!isIndex(descriptor.mediaType, bytes)) {
      return { documents, manifest: parseManifest(bytes, what), hasIndex: documents.length > 1 };
    }
    descriptor = choose(parseIndex(bytes, what), platform);
  }
  throw new EngineError("corrupt", `image index ${documents[0]?.digest} is nested too deep`);
}

/** The image config of a manifest, its bytes checked. */
export async function fetchConfig(
  manifest: Manifest,
  source: Source,
): Promise<Document & { readonly id: ImageID; readonly imageConfig: ImageConfig }> {
  const { digest, size } = manifest.config;
  if (size > configLimit) {
    throw new EngineError("corrupt", `image config ${digest} has ${size} bytes, at most ${configLimit} are read`);
  }
  const known = await findHere(digest, source.blobs);
  const bytes = known ?? (await download(manifest.config, source));
  const imageConfig = parseImageConfig(bytes, `image config ${digest}`);
  return { id: digest as ImageID, digest, bytes, wasHere: known !== null, imageConfig };
}

async function readDocument({ digest }: Descriptor, { repository, blobs, signal }: Source): Promise<Document> {
  const known = await findHere(digest, blobs);
  if (known !== null) return { digest, bytes: known, wasHere: true };
  const { descriptor, bytes } = await repository.manifest(digest, signal);
  if (descriptor.digest !== digest || sha256(bytes) !== digest) {
    throw new EngineError("corrupt", `manifest ${digest} has other bytes: they hash to ${sha256(bytes)}`);
  }
  return { digest, bytes, wasHere: false };
}

/** Null where it is not here, or damaged: then it is fetched again. */
async function findHere(digest: Digest, blobs: BlobStore): Promise<Buffer | null> {
  try {
    return await blobs.read(digest);
  } catch (error) {
    if (error instanceof EngineError && (error.code === "not-found" || error.code === "corrupt")) return null;
    throw error;
  }
}

async function download(blob: Descriptor, { repository, signal }: Source): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of repository.blob(blob, 0, signal)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const actual = sha256(bytes);
  if (actual === blob.digest && bytes.length === blob.size) return bytes;
  throw new EngineError("corrupt", `blob ${blob.digest} has other bytes: ${bytes.length} that hash to ${actual}`);
}

/** Old registries say no more than `application/json`: then the document tells itself. */
function isIndex(mediaType: string, bytes: Buffer): boolean {
  if (isIndexType(mediaType)) return true;
  if (isManifestType(mediaType)) return false;
  const document = findJson(bytes.toString()) as { mediaType?: unknown; manifests?: unknown } | null | undefined;
  if (typeof document?.mediaType === "string") return isIndexType(document.mediaType);
  return Array.isArray(document?.manifests);
}

function choose(index: Index, platform: Platform): Descriptor {
  const fit = findForPlatform(index, platform);
  if (fit !== null) return fit;
  const there = index.manifests.flatMap((entry) =>
    entry.platform === undefined || entry.platform.os === "unknown" ? [] : [formatPlatform(entry.platform)],
  );
  const known = there.length === 0 ? "" : `: it is for ${[...new Set(there)].slice(0, 10).join(", ").slice(0, 200)}`;
  throw new EngineError("not-found", `the image is not made for ${formatPlatform(platform)}${known}`);
}
