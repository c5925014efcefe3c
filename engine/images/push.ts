import { createReadStream } from "node:fs";
import { EngineError } from "../errors.ts";
import { forEachBounded } from "../lib/bounded.ts";
import { leaveGarbage } from "../lib/young-garbage.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { ImageID } from "../oci/digest.ts";
import { familiarReference, formatReference, parseReference, type Reference } from "../oci/reference.ts";
import type { PushedImage } from "../protocol/transfers.ts";
import type { RegistryClient, Repository, UploadSource } from "../registry/registry-client.ts";
import { attested, type OutgoingDocument } from "./attestations.ts";
import type { Catalog, CatalogImage } from "./catalog.ts";
import type { LongWork, PushRequest } from "./image-service.ts";
import type { OutgoingImage } from "./kept-layers.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";
import { type MountSources, mountSourcesOf } from "./push-mounts.ts";
import { type PrepareParts, prepareImage } from "./push-prepare.ts";
import { PushProgress } from "./push-progress.ts";
import { requireWhole } from "./whole-blob.ts";

export type PushParts = PrepareParts & { readonly registry: RegistryClient };

/** Uploads at once. */
const uploadLimit = 3;

type Target = { readonly image: CatalogImage; readonly reference: Reference };
type Outgoing = Target & { readonly outgoing: OutgoingImage };

/**
 * Brings images to the registry of their name: what it has already stays, what another of its repositories has is mounted, the rest goes
 * up, three blobs at once; the config and then the manifest last, so that the name never stands for something incomplete. Calls
 * `onPushed` for each image that is there. Fails with `not-found` for a name nobody bears, `invalid-argument`, or as the registry does.
 */
export async function pushImages(
  request: PushRequest,
  parts: PushParts,
  work: LongWork & { readonly onPushed: (id: ImageID, pushed: PushedImage) => void },
): Promise<PushedImage[]> {
  const targets = planTargets(request, parts.catalog());
  using progress = new PushProgress(work.onProgress);
  const images: Outgoing[] = [];
  for (const target of targets) {
    const outgoing = await prepareImage(target.image, parts, {
      signal: work.signal,
      onCompress: (layer, current, total) => progress.compressing(layer, current, total),
    });
    const references = [target.reference];
    images.push({ ...target, outgoing: await attested(outgoing, target.image, { blobs: parts.blobs, references }) });
  }
  const [first] = targets;
  if (first === undefined) return [];
  const mounts = mountSourcesOf(
    images.map(({ outgoing }) => outgoing),
    first.reference,
    parts.catalog(),
  );
  const repository = parts.registry.repository(first.reference, {
    credentials: request.credentials,
    access: "push",
    mountFrom: mounts.repositories,
  });
  const pushed: PushedImage[] = [];
  for (const image of images) {
    const { signal } = work;
    const result = await pushOne(image, { repository, mounts, blobs: parts.blobs, progress, signal });
    work.onPushed(image.image.id, result);
    pushed.push(result);
  }
  return pushed;
}

/** The images behind the name, by tag. */
function planTargets(request: PushRequest, catalog: Catalog): Target[] {
  const reference = parseReference(request.reference);
  const name = familiarReference(reference);
  if (reference.digest !== null) {
    throw new EngineError("invalid-argument", `cannot push ${name}: a digest is no name to push to`, {
      hint: "push it by its tag",
    });
  }
  if (request.allTags) return planAllTags(reference, catalog);
  const tagged = { ...reference, tag: reference.tag ?? "latest" };
  return [{ image: catalog.getNamed(formatReference(tagged)), reference: tagged }];
}

function planAllTags(reference: Reference, catalog: Catalog): Target[] {
  const name = familiarReference(reference);
  if (reference.tag !== null) {
    throw new EngineError("invalid-argument", `cannot push all tags of ${name}: it names one of them`, {
      hint: "leave the tag out, or --all-tags",
    });
  }
  const targets = catalog.images.flatMap((image) =>
    image.references
      .map(parseReference)
      .filter((known) => known.registry === reference.registry && known.repository === reference.repository)
      .map((known): Target => ({ image, reference: known })),
  );
  if (targets.length === 0) {
    throw new EngineError("not-found", `no image is named ${name}, with whatever tag`, {
      hint: "`gantry images` lists the images that are here",
    });
  }
  return targets.sort((one, other) => ((one.reference.tag ?? "") < (other.reference.tag ?? "") ? -1 : 1));
}

type Upload = {
  readonly repository: Repository;
  readonly mounts: MountSources;
  readonly blobs: LeasedBlobs;
  readonly progress: PushProgress;
  readonly signal: AbortSignal;
};

async function pushOne({ reference, outgoing }: Outgoing, upload: Upload): Promise<PushedImage> {
  const { repository, progress, signal } = upload;
  const { config } = outgoing;
  const { descriptor: top, bytes } = topOf(outgoing);
  const name = familiarReference(reference);
  const tag = reference.tag ?? "latest";
  const layers = [...new Map(outgoing.layers.map((layer) => [layer.digest, layer])).values()];
  progress.begin(name, layers);
  const pushed = { reference: name, digest: top.digest, size: top.size };
  // The name stands for these very bytes there, so everything they name is there.
  const known = await repository.describe(tag, signal);
  if (known?.digest === top.digest) {
    for (const layer of layers) progress.layer(layer, "present", layer.size);
    return pushed;
  }
  await forEachBounded(layers, { limit: uploadLimit, signal }, (layer, within) =>
    pushBlob(layer, { ...upload, signal: within }),
  );
  await pushBlob(config, upload);
  await pushAttestations(outgoing, upload);
  const digest = await repository.putManifest(tag, top.mediaType, bytes, signal);
  if (digest === top.digest) return pushed;
  throw new EngineError(
    "corrupt",
    `push ${name}: the registry knows manifest ${top.digest} by another digest, ${digest}`,
  );
}

/** What the image's name is to stand for. */
function topOf({ manifest, bytes, attested: index }: OutgoingImage): OutgoingDocument {
  return index?.index ?? { descriptor: manifest, bytes };
}

/** All that the index names, by digest. */
async function pushAttestations(outgoing: OutgoingImage, { repository, signal }: Upload): Promise<void> {
  const about = outgoing.attested;
  if (about === undefined) return;
  for (const { descriptor, bytes } of about.blobs) {
    if (await repository.hasBlob(descriptor.digest, signal)) continue;
    const open = async function* (offset: number) {
      yield bytes.subarray(offset);
    };
    await repository.uploadBlob(descriptor, { open }, signal);
  }
  for (const { descriptor, bytes } of [{ descriptor: outgoing.manifest, bytes: outgoing.bytes }, about.manifest]) {
    await repository.putManifest(descriptor.digest, descriptor.mediaType, bytes, signal);
  }
}

async function pushBlob(blob: Descriptor, { repository, mounts, blobs, progress, signal }: Upload): Promise<void> {
  if (await repository.hasBlob(blob.digest, signal)) return progress.layer(blob, "present", blob.size);
  for (const source of mounts.of(blob.digest)) {
    if (await tryMount(repository, { blob, source }, signal)) return progress.layer(blob, "mounted", blob.size);
  }
  progress.layer(blob, "uploading", 0);
  const path = blobs.pathOf(blob.digest);
  const source: UploadSource = {
    open: (offset) => readBlob(path, offset),
    onProgress: (sent) => progress.layer(blob, "uploading", Math.min(sent, blob.size)),
  };
  try {
    await repository.uploadBlob(blob, source, signal);
  } catch (error) {
    // A registry that refuses bytes may be right: then the fault is ours.
    const isRefusal = error instanceof EngineError && !["cancelled", "unavailable"].includes(error.code);
    if (isRefusal) await requireWhole(blobs, blob.digest, signal);
    throw error;
  }
  progress.layer(blob, "done", blob.size);
}

async function* readBlob(path: string, start: number): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of createReadStream(path, { start, highWaterMark: 512 * 1024 })) {
    leaveGarbage(chunk.length);
    yield chunk;
  }
}

/** Not being let into the other repository is no reason to fail: the blob can be uploaded. */
async function tryMount(
  repository: Repository,
  { blob, source }: { readonly blob: Descriptor; readonly source: string },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await repository.mountBlob(blob.digest, source, signal);
  } catch (error) {
    const code = error instanceof EngineError ? error.code : null;
    if (code === "permission-denied" || code === "unauthenticated" || code === "not-found") return false;
    throw error;
  }
}
