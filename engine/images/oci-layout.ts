import { EngineError } from "../errors.ts";
import { type Descriptor, isIndexType, isManifestType } from "../oci/descriptor.ts";
import { hexOf } from "../oci/digest.ts";
import { type Index, parseIndex, parseManifest } from "../oci/manifest.ts";
import { findForPlatform, hostPlatform } from "../oci/platform.ts";
import type { Reference } from "../oci/reference.ts";
import type { ArchiveFile } from "./archive-file.ts";
import type { ArchiveFiles } from "./archive-files.ts";
import { getFile, type ImagePlan, parseImageName, planImage } from "./image-plan.ts";

export const indexPath = "index.json";
const nestingLimit = 4;

/** containerd's name, and the OCI one (image-spec, annotations.md), which may be a whole name or a mere tag. */
const fullNameAnnotation = "io.containerd.image.name";
const refNameAnnotation = "org.opencontainers.image.ref.name";

/**
 * The images of an OCI layout (image-spec, image-layout.md): one for each entry of index.json, the host's platform where an entry
 * is an index. Fails with `corrupt`, or `not-found` where nothing fits the host.
 */
export async function planOciLayout(files: ArchiveFiles): Promise<ImagePlan[]> {
  const file = getFile(files, indexPath);
  const index = parseIndex(await files.readDocument(file, indexPath), indexPath);
  const plans: ImagePlan[] = [];
  for (const entry of chooseEntries(index)) {
    const manifest = await findManifest(files, entry, 0);
    if (manifest === null) throw nothingFits(index);
    plans.push(await planManifest(files, manifest, nameOf(entry)));
  }
  return plans;
}

/** Top entries are images of their own, unless several share a name: then they are platforms of one. */
function chooseEntries(index: Index): Descriptor[] {
  const groups = new Map<string, Descriptor[]>();
  for (const entry of index.manifests) {
    if (!isManifestType(entry.mediaType) && !isIndexType(entry.mediaType)) continue;
    if (entry.platform?.os === "unknown") continue;
    const { [fullNameAnnotation]: fullName, [refNameAnnotation]: refName } = entry.annotations ?? {};
    const key = JSON.stringify([fullName, refName, entry.platform === undefined ? entry.digest : ""]);
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()].flatMap((manifests) => {
    // One image alone may be of a foreign platform, as with docker load.
    if (manifests.length === 1) return manifests;
    const fit = findForPlatform({ schemaVersion: 2, manifests }, hostPlatform());
    if (fit === null) throw nothingFits(index);
    return [fit];
  });
}

async function findManifest(files: ArchiveFiles, entry: Descriptor, depth: number): Promise<Descriptor | null> {
  if (isManifestType(entry.mediaType)) return entry;
  if (depth >= nestingLimit) throw new EngineError("corrupt", `image index ${entry.digest} is nested too deep`);
  const { path, file } = getBlob(files, entry);
  const index = parseIndex(await files.readDocument(file, path), `image index ${entry.digest}`);
  const fit = findForPlatform(index, hostPlatform());
  return fit === null ? null : findManifest(files, fit, depth + 1);
}

async function planManifest(files: ArchiveFiles, entry: Descriptor, reference: Reference | null): Promise<ImagePlan> {
  const { path, file } = getBlob(files, entry);
  const manifest = parseManifest(await files.readDocument(file, path), `manifest ${entry.digest}`);
  const config = getBlob(files, manifest.config);
  for (const layer of manifest.layers) checkSize(files.find(pathOf(layer)), layer);
  return planImage(files, {
    configPath: config.path,
    layerPaths: manifest.layers.map(pathOf),
    manifestFile: file,
    references: reference === null ? [] : [reference],
  });
}

function getBlob(files: ArchiveFiles, descriptor: Descriptor): { path: string; file: ArchiveFile } {
  const path = pathOf(descriptor);
  const file = getFile(files, path);
  checkSize(file, descriptor);
  return { path, file };
}

function checkSize(file: ArchiveFile | null, descriptor: Descriptor): void {
  if (file === null || file.size === descriptor.size) return;
  throw new EngineError("corrupt", `blob ${descriptor.digest} has ${file.size} bytes instead of ${descriptor.size}`);
}

function pathOf(descriptor: Descriptor): string {
  return `blobs/sha256/${hexOf(descriptor.digest)}`;
}

/** Null for an image without a usable name: it is then known by its ID. */
function nameOf(entry: Descriptor): Reference | null {
  const refName = entry.annotations?.[refNameAnnotation];
  const text =
    entry.annotations?.[fullNameAnnotation] ?? (refName === undefined || isMereTag(refName) ? null : refName);
  if (text === null) return null;
  try {
    return parseImageName(text);
  } catch {
    // The annotation is free text; an image without a name is still an image.
    return null;
  }
}

/** `latest` or `1.2-rc1`, written by tools that know the repository from elsewhere: no name for an image. */
function isMereTag(refName: string): boolean {
  return /^(?:latest|v?\d[\w.-]*)$/.test(refName);
}

function nothingFits(index: Index): EngineError {
  const { os, architecture } = hostPlatform();
  const there = index.manifests.flatMap((entry) =>
    entry.platform === undefined ? [] : [`${entry.platform.os}/${entry.platform.architecture}`],
  );
  const known = there.length === 0 ? "" : `: it has ${there.slice(0, 5).join(", ").slice(0, 120)}`;
  return new EngineError("not-found", `archive has no image for ${os}/${architecture}${known}`);
}
