import { EngineError } from "../errors.ts";
import type { DiffID, ImageID } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { diffIDsOf, parseImageConfig } from "../oci/image-config.ts";
import type { Reference } from "../oci/reference.ts";
import { parseReference } from "../oci/reference.ts";
import type { ArchiveFile } from "./archive-file.ts";
import { type ArchiveFiles, quote } from "./archive-files.ts";

/** A layer of an image in an archive. `file` is null where the archive does not hold it. */
export type PlannedLayer = {
  /** DiffIDs from the lowest layer up to and including this one. */
  readonly chain: readonly DiffID[];
  readonly diffID: DiffID;
  readonly file: ArchiveFile | null;
  /** Where the archive says that it lies. */
  readonly path: string;
};

/** An image as an archive describes it; nothing is unpacked yet. */
export type ImagePlan = {
  readonly id: ImageID;
  readonly imageConfig: ImageConfig;
  readonly configFile: ArchiveFile;
  /** Null for a docker-archive of the old form, which has none. */
  readonly manifestFile: ArchiveFile | null;
  readonly layers: readonly PlannedLayer[];
  readonly references: readonly Reference[];
};

/** What both archive formats say of one image. */
export type ImageParts = {
  readonly configPath: string;
  readonly layerPaths: readonly string[];
  readonly manifestFile: ArchiveFile | null;
  readonly references: readonly Reference[];
};

export async function planImage(files: ArchiveFiles, parts: ImageParts): Promise<ImagePlan> {
  const configFile = getFile(files, parts.configPath);
  const what = `image config ${quote(parts.configPath)}`;
  const imageConfig = parseImageConfig(await files.readDocument(configFile, parts.configPath), what);
  const diffIDs = diffIDsOf(imageConfig);
  if (diffIDs.length !== parts.layerPaths.length) {
    throw new EngineError(
      "corrupt",
      `${what} names ${diffIDs.length} layers, the manifest has ${parts.layerPaths.length}`,
    );
  }
  const layers = parts.layerPaths.map((path, index): PlannedLayer => {
    const chain = diffIDs.slice(0, index + 1);
    return { chain, diffID: chain[index] as DiffID, file: findFile(files, path), path };
  });
  const { manifestFile, references } = parts;
  return { id: configFile.digest as ImageID, imageConfig, configFile, manifestFile, layers, references };
}

/** The same, or fails with `corrupt`. */
export function getFile(files: ArchiveFiles, path: string): ArchiveFile {
  const file = findFile(files, path);
  if (file === null) throw new EngineError("corrupt", `archive lacks ${quote(path)}, which it refers to`);
  return file;
}

/** A file of the archive. One that is named after its digest must have it: fails with `corrupt` where it does not. */
function findFile(files: ArchiveFiles, path: string): ArchiveFile | null {
  const file = files.find(path);
  const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1];
  if (file !== null && hex !== undefined && file.digest !== `sha256:${hex}`) {
    throw new EngineError("corrupt", `archive entry ${quote(path)} has other bytes: they hash to ${file.digest}`);
  }
  return file;
}

/** Reads a name that an image may bear: a tag, `latest` where none is given, and no digest. Fails with `invalid-argument`. */
export function parseImageName(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest !== null) {
    throw new EngineError("invalid-argument", `invalid reference ${quote(text)}: a name for an image has no digest`);
  }
  // `sha256:abc…` would otherwise be a name that hides an image ID.
  if (reference.repository === "library/sha256") {
    throw new EngineError("invalid-argument", `invalid reference ${quote(text)}: sha256 is no name for an image`);
  }
  return { ...reference, tag: reference.tag ?? "latest" };
}
