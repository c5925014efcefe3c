import { EngineError } from "../errors.ts";
import { type Descriptor, isIndexType, isManifestType } from "../oci/descriptor.ts";
import { hexOf } from "../oci/digest.ts";
import { parseIndex, parseManifest } from "../oci/manifest.ts";
import type { ArchiveFile } from "./archive-file.ts";
import type { ArchiveFiles } from "./archive-files.ts";

const indexPath = "index.json";

/** Finds the manifest of an image by its config and its layers, as paths in the archive. */
export type FindManifest = (configPath: string, layerPaths: readonly string[]) => ArchiveFile | null;

/**
 * The manifests in a docker-archive that is an OCI layout as well (docker save since version 25, and ours): with them an image keeps its
 * digest. What in it is not for us (other platforms that were left out, attestations) is passed over.
 */
export async function readManifests(files: ArchiveFiles): Promise<FindManifest> {
  const known = new Map<string, ArchiveFile>();
  const seen = new Set<string>();
  const root = files.find(indexPath);
  if (root !== null) {
    const { manifests } = parseIndex(await files.readDocument(root, indexPath), indexPath);
    for (const entry of manifests) await collect(files, entry, { known, seen });
  }
  return (configPath, layerPaths) => known.get(keyOf(configPath, layerPaths)) ?? null;
}

async function collect(
  files: ArchiveFiles,
  entry: Descriptor,
  into: { readonly known: Map<string, ArchiveFile>; readonly seen: Set<string> },
): Promise<void> {
  const path = pathOf(entry);
  const file = files.find(path);
  // Each once, however often indexes name it.
  if (file === null || file.digest !== entry.digest || into.seen.has(path)) return;
  into.seen.add(path);
  if (isIndexType(entry.mediaType)) {
    const { manifests } = parseIndex(await files.readDocument(file, path), `image index ${entry.digest}`);
    for (const inner of manifests) await collect(files, inner, into);
    return;
  }
  if (!isManifestType(entry.mediaType)) return;
  try {
    const manifest = parseManifest(await files.readDocument(file, path), `manifest ${entry.digest}`);
    into.known.set(keyOf(pathOf(manifest.config), manifest.layers.map(pathOf)), file);
  } catch (error) {
    if (!(error instanceof EngineError && error.code === "unimplemented")) throw error;
  }
}

function keyOf(configPath: string, layerPaths: readonly string[]): string {
  return [configPath, ...layerPaths].join("\n");
}

function pathOf({ digest }: Descriptor): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
