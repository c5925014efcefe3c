import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { EngineError } from "../errors.ts";
import { type Digest, digestOfHex, type ImageID, sha256 } from "../oci/digest.ts";
import { attested } from "./attestations.ts";
import { type Catalog, type CatalogImage, displayName } from "./catalog.ts";
import type { LongWork, SaveFormat, SaveOutput, SaveRequest } from "./image-service.ts";
import {
  findExactImage,
  findKeptLayers,
  type KeptLayer,
  makeManifest,
  type OutgoingImage,
  sizeOf,
} from "./kept-layers.ts";
import { ProgressReporter } from "./progress-reporter.ts";
import { type PrepareParts, rebuildLayer } from "./push-prepare.ts";
import { archiveEntries, chooseImages, type SaveEntry, type SavePart } from "./save-plan.ts";
import { saveEnd, saveHeader, savePadding } from "./save-tar.ts";
import { damaged } from "./whole-blob.ts";

export type SaveParts = Pick<PrepareParts, "blobs" | "layers"> & { readonly catalog: Catalog };

const chunkSize = 1024 * 1024;

/** An archive all of whose files are open: no sweep can take them away any more. */
export interface OpenArchive extends AsyncDisposable {
  readonly images: readonly ImageID[];
  /** Bytes of all, without the archive's headers. */
  readonly size: number;
  /** Gives how many bytes it was. Fails with `corrupt` for a blob that was damaged on disk. */
  write(output: SaveOutput, work: LongWork): Promise<number>;
}

/**
 * Opens what is to be saved. Manifests and layers are those the images came with; an image that came without a manifest gets one of
 * OCI's form, as docker save makes it. Fails with `not-found`, `failed-precondition` where a layer is not kept.
 */
export async function openArchive(request: SaveRequest, parts: SaveParts, signal: AbortSignal): Promise<OpenArchive> {
  const chosen = chooseImages(request.images, parts.catalog);
  const images: SavePart[] = [];
  for (const { image, references } of chosen) {
    const outgoing = await outgoingOf(image, parts, signal);
    images.push({ outgoing: await attested(outgoing, image, { blobs: parts.blobs, references }), references });
  }
  const ids = chosen.map(({ image }) => image.id);
  return await openFiles(images, ids, { ...parts, format: request.format });
}

/** Opens what an archive of these images is made of. */
export async function openFiles(
  images: readonly SavePart[],
  ids: readonly ImageID[],
  { blobs, format }: Pick<SaveParts, "blobs"> & { readonly format: SaveFormat },
): Promise<OpenArchive> {
  await using files = new AsyncDisposableStack();
  const entries: OpenEntry[] = [];
  for (const entry of archiveEntries(images, format)) {
    const file = "blob" in entry ? files.use(await open(blobs.pathOf(entry.blob), "r")) : null;
    entries.push({ entry, file });
  }
  return new FileArchive(ids, entries, files.move());
}

/** The image as it came, or a manifest of OCI's form and its layers as they are here. */
export async function outgoingOf(image: CatalogImage, parts: SaveParts, signal: AbortSignal): Promise<OutgoingImage> {
  const exact = await findExactImage(image, parts.blobs);
  if (exact !== null) return exact;
  const configSize = await sizeOf(parts.blobs, image.id);
  if (configSize === null) {
    throw new EngineError(
      "failed-precondition",
      `image ${displayName(image)} cannot be saved: its config is not kept`,
      {
        hint: "pull or load the image again",
      },
    );
  }
  const layers: KeptLayer[] = [];
  for (const position of image.layers.keys()) {
    const [kept] = await findKeptLayers(image, position, parts);
    layers.push(kept ?? (await rebuildLayer(image, position, parts, signal)));
  }
  const { mediaType, bytes, config, layers: described } = makeManifest("oci", { id: image.id, configSize }, layers);
  return { manifest: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes, config, layers: described };
}

type OpenEntry = { readonly entry: SaveEntry; readonly file: FileHandle | null };

class FileArchive implements OpenArchive {
  readonly images: readonly ImageID[];
  readonly size: number;
  readonly #entries: readonly OpenEntry[];
  readonly #files: AsyncDisposableStack;

  constructor(images: readonly ImageID[], entries: readonly OpenEntry[], files: AsyncDisposableStack) {
    this.images = images;
    this.#entries = entries;
    this.#files = files;
    this.size = entries.reduce((sum, { entry }) => sum + entry.size, 0);
  }

  async write(output: SaveOutput, work: LongWork): Promise<number> {
    using progress = new ProgressReporter(work.onProgress);
    let written = 0;
    const put = async (bytes: Buffer): Promise<void> => {
      if (work.signal.aborted) throw new EngineError("cancelled", "save was cancelled");
      if (bytes.length === 0) return;
      await output(bytes);
      written += bytes.length;
      progress.report("saving", "", { current: Math.min(written, this.size), total: this.size });
    };
    for (const path of ["blobs/", "blobs/sha256/"]) await put(saveHeader(path, 0));
    for (const { entry, file } of this.#entries) {
      await put(saveHeader(entry.path, entry.size));
      if ("bytes" in entry) await put(entry.bytes);
      else if (file !== null) await putBlob(file, entry, put);
      await put(savePadding(entry.size));
    }
    await put(saveEnd(written));
    return written;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#files[Symbol.asyncDispose]();
  }
}

/** Sends a blob and sees that its bytes are still those it was stored as. */
async function putBlob(
  file: FileHandle,
  { blob, size }: { readonly blob: Digest; readonly size: number },
  put: SaveOutput,
): Promise<void> {
  const hash = createHash("sha256");
  const memory = Buffer.allocUnsafeSlow(Math.min(chunkSize, size));
  for (let position = 0; position < size; ) {
    const { bytesRead } = await file.read(memory, 0, Math.min(memory.length, size - position), position);
    if (bytesRead === 0) break;
    const chunk = memory.subarray(0, bytesRead);
    hash.update(chunk);
    position += bytesRead;
    await put(chunk);
  }
  const actual = digestOfHex(hash.digest("hex"));
  if (actual === blob) return;
  throw damaged(blob, `its bytes hash to ${actual}`);
}
