import type { BlobStore } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { settleAll } from "../lib/settle.ts";
import type { DiffID } from "../oci/digest.ts";
import { createdOf, diffIDsOf, type ImageConfig, osOf } from "../oci/image-config.ts";
import type { Manifest } from "../oci/manifest.ts";
import { formatPlatform, hostPlatform, isFitting, type Platform, parsePlatform } from "../oci/platform.ts";
import { familiarReference, formatReference, parseReference, type Reference } from "../oci/reference.ts";
import type { PulledImage } from "../protocol/transfers.ts";
import type { RegistryClient, Repository } from "../registry/registry-client.ts";
import { storeBlob } from "./archive-file.ts";
import { type Catalog, repositoryOf } from "./catalog.ts";
import type { ImageRecord } from "./image-records.ts";
import type { LongWork, PullRequest } from "./image-service.ts";
import type { Lease, Leases } from "./leases.ts";
import type { TrustPolicy } from "./policy.ts";
import type { LayerFetcher, WantedLayer } from "./pull-layers.ts";
import { fetchConfig, type ResolvedManifest, resolveManifest } from "./pull-manifest.ts";
import { PullProgress } from "./pull-progress.ts";
import { checkTrust } from "./trust.ts";
import { isAttachmentTag } from "./trust-documents.ts";

export type PullParts = {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly leases: Leases;
  readonly fetcher: LayerFetcher;
  readonly registries: RegistryClient;
  readonly policy: TrustPolicy;
  readonly catalog: () => Catalog;
  /** Writes an image's record, all of whose bytes are there. */
  readonly add: (image: { readonly record: ImageRecord; readonly imageConfig: ImageConfig }) => void;
};

/** One name to be pulled, from its repository. */
type Errand = {
  readonly reference: Reference;
  readonly repository: Repository;
  /** Null: this host's, and an image that is made for one platform only may be of another. */
  readonly platform: Platform | null;
  readonly keys: readonly string[];
};

/** An image whose documents are all at hand. */
type Target = ResolvedManifest & {
  readonly record: ImageRecord;
  readonly imageConfig: ImageConfig;
  readonly config: Buffer;
  /** All documents are in the store. */
  readonly isWhole: boolean;
};

/**
 * Brings an image here, or all tags of a repository. The record is written last: a pull that fails leaves no image, but keeps for a day what
 * it has got (see Leases). Fails with `invalid-argument`, `not-found`, `permission-denied` where it is not trusted, `corrupt`, or as the
 * registry does.
 */
export async function pullImages(request: PullRequest, parts: PullParts, work: LongWork): Promise<PulledImage[]> {
  const reference = readReference(request);
  const platform = request.platform === null ? null : parsePlatform(request.platform);
  const repository = parts.registries.repository(reference, { credentials: request.credentials, access: "pull" });
  const keys = request.verifyKeys;
  try {
    const tags = request.allTags ? await imageTags(repository, work.signal) : [reference.tag];
    const images: PulledImage[] = [];
    for (const tag of tags) {
      images.push(await pullOne({ reference: { ...reference, tag }, repository, platform, keys }, parts, work));
    }
    return images;
  } catch (error) {
    const name = familiarReference(reference);
    if (work.signal.aborted) throw new EngineError("cancelled", `pull of ${name} was cancelled`);
    throw EngineError.wrap(`pull ${name}`, error);
  }
}

/** Signatures and the like lie under tags of their own. */
async function imageTags(repository: Repository, signal: AbortSignal): Promise<string[]> {
  return (await repository.tags(signal)).filter((tag) => !isAttachmentTag(tag)).sort();
}

/** Of a name with tag and digest the digest counts, as with docker. */
function readReference({ reference: text, allTags }: PullRequest): Reference {
  const reference = parseReference(text);
  if (allTags && (reference.tag !== null || reference.digest !== null)) {
    throw new EngineError("invalid-argument", `cannot pull all tags of ${text}: it names one of them`, {
      hint: "leave the tag out, or --all-tags",
    });
  }
  if (reference.digest !== null) return { ...reference, tag: null };
  return { ...reference, tag: reference.tag ?? (allTags ? null : "latest") };
}

async function pullOne(errand: Errand, parts: PullParts, work: LongWork): Promise<PulledImage> {
  using lease = parts.leases.begin();
  const target = await findTarget(errand, parts, { lease, signal: work.signal });
  const { record } = target;
  const chain = record.layers.map(({ diffID }) => diffID);
  await lease.hold({ chain, blobs: target.manifest.layers.map(({ digest }) => digest) });
  const bring = async (): Promise<boolean> => {
    const whole = await fetchLayers(target, errand, parts, work);
    if (target.isWhole && isKnown(whole, parts.catalog())) return false;
    await store(target, whole, parts);
    return true;
  };
  const isHere = chain.every((_, index) => parts.layers.find(chain.slice(0, index + 1)) !== null);
  const isNew = isHere ? await bring() : await underLastingLease(target, errand, { leases: parts.leases, bring });
  const digest = target.documents[0]?.digest ?? "";
  return { reference: familiarReference(errand.reference), id: record.id, digest, isNew };
}

async function findTarget(
  errand: Errand,
  parts: PullParts,
  work: { readonly lease: Lease; readonly signal: AbortSignal },
): Promise<Target> {
  const { reference, repository } = errand;
  const source = { ...work, repository, blobs: parts.blobs };
  const wanted = errand.platform ?? hostPlatform();
  const resolved = await resolveManifest(reference.digest ?? reference.tag ?? "latest", wanted, source);
  await checkTrust({
    repository,
    reference,
    digests: resolved.documents.map(({ digest }) => digest),
    keys: errand.keys,
    policy: parts.policy,
    signal: work.signal,
  });
  await work.lease.hold({ blobs: [resolved.manifest.config.digest] });
  const config = await fetchConfig(resolved.manifest, source);
  const { id, bytes, imageConfig } = config;
  if (!resolved.hasIndex && errand.platform !== null) requirePlatform(imageConfig, errand.platform);
  const target = resolved.documents[0]?.digest;
  const record: ImageRecord = {
    id,
    manifestDigest: resolved.documents.at(-1)?.digest ?? null,
    createdAt: createdOf(imageConfig),
    architecture: imageConfig.architecture ?? "",
    os: osOf(imageConfig),
    addedAt: new Date().toISOString(),
    layers: diffIDsFor(resolved.manifest, imageConfig).map((diffID) => ({ diffID, blobDigest: null })),
    references: reference.digest === null ? [formatReference(reference)] : [],
    digests: target === undefined ? [] : [{ repository: repositoryOf(reference), digest: target }],
  };
  const isWhole = config.wasHere && resolved.documents.every(({ wasHere }) => wasHere);
  return { ...resolved, record, imageConfig, config: bytes, isWhole };
}

function requirePlatform(imageConfig: ImageConfig, platform: Platform): void {
  const { architecture, variant } = imageConfig;
  const made = { os: osOf(imageConfig), architecture: architecture ?? "", variant: variant ?? undefined };
  if (isFitting(made, platform)) return;
  const message = `the image is made for ${formatPlatform(made)}, not for ${formatPlatform(platform)}`;
  throw new EngineError("not-found", message);
}

function diffIDsFor(manifest: Manifest, imageConfig: ImageConfig): readonly DiffID[] {
  const diffIDs = diffIDsOf(imageConfig);
  if (diffIDs.length === manifest.layers.length) return diffIDs;
  throw new EngineError(
    "corrupt",
    `image config ${manifest.config.digest} names ${diffIDs.length} layers, the manifest has ${manifest.layers.length}`,
  );
}

/** What comes is kept for the next try if this one fails, unless the disk is full: then its space is wanted back. */
async function underLastingLease<T>(
  { manifest, record, documents }: Target,
  { reference, platform }: Errand,
  { leases, bring }: { readonly leases: Leases; readonly bring: () => Promise<T> },
): Promise<T> {
  const title = `${formatReference(reference)} ${formatPlatform(platform ?? hostPlatform())}`;
  using lease = leases.beginLasting("pull", title);
  const blobs = [...manifest.layers, manifest.config, ...documents].map(({ digest }) => digest);
  await lease.hold({ blobs, chain: record.layers.map(({ diffID }) => diffID) });
  try {
    return await bring();
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "resource-exhausted") lease.interrupt();
    throw error;
  }
}

/** Gives the record with the blobs that are here. */
async function fetchLayers(target: Target, errand: Errand, parts: PullParts, work: LongWork): Promise<ImageRecord> {
  const { manifest, record } = target;
  const chain = record.layers.map(({ diffID }) => diffID);
  using progress = new PullProgress(familiarReference(errand.reference), manifest.layers, work.onProgress);
  const stop = new AbortController();
  const signal = AbortSignal.any([work.signal, stop.signal]);
  const failures: unknown[] = [];
  const fetches = manifest.layers.map(async (descriptor, position) => {
    const diffID = chain[position] as DiffID;
    const wanted: WantedLayer = { descriptor, diffID, chain: chain.slice(0, position + 1) };
    const watch = { signal, onReport: progress.report.bind(progress, position) };
    try {
      return { diffID, blobDigest: await parts.fetcher.fetch(wanted, errand.repository, watch) };
    } catch (error) {
      failures.push(error);
      stop.abort();
      throw error;
    }
  });
  const layers = await settleAll(fetches).catch((error: unknown) => {
    throw failures[0] ?? error;
  });
  return { ...record, layers };
}

/** True if there is nothing that the record would add to what is known. */
function isKnown(record: ImageRecord, catalog: Catalog): boolean {
  const known = catalog.findByID(record.id);
  if (known === null || known.imageConfig === null) return false;
  const hasName = record.references.every((reference) => known.references.includes(reference));
  const hasDigest = record.digests.every((wanted) =>
    known.digests.some(({ repository, digest }) => repository === wanted.repository && digest === wanted.digest),
  );
  const hasBlobs = record.layers.every(
    ({ blobDigest }, position) => blobDigest === null || known.layers[position]?.blobDigest === blobDigest,
  );
  return hasName && hasDigest && hasBlobs;
}

async function store(target: Target, record: ImageRecord, parts: PullParts): Promise<void> {
  for (const bytes of [...target.documents.map((document) => document.bytes), target.config]) {
    await storeBlob(parts.blobs, bytes);
  }
  parts.add({ record, imageConfig: target.imageConfig });
}
