import { createHash } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SaveFormat } from "../../engine/images/image-service.ts";
import { type ImagesEngine, quietWork } from "./images-engine.ts";

/** What `images.save` gives, whole. */
export async function saved(
  engine: ImagesEngine,
  images: readonly string[],
  format: SaveFormat = "docker-archive",
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const take = async (bytes: Buffer) => void pieces.push(Buffer.from(bytes));
  const { bytes } = await engine.images.save({ images, format }, take, quietWork);
  const archive = Buffer.concat(pieces);
  if (bytes !== archive.length) throw new Error(`${bytes} bytes were told of, ${archive.length} came`);
  return archive;
}

/** The same, into a file of the engine's own root. */
export async function savedFile(engine: ImagesEngine, images: readonly string[], format?: SaveFormat): Promise<string> {
  const archive = await saved(engine, images, format);
  const path = join(engine.root, `saved-${createHash("sha256").update(archive).digest("hex").slice(0, 12)}.tar`);
  writeFileSync(path, archive);
  return path;
}

export function blobsOf(engine: ImagesEngine): string[] {
  return readdirSync(join(engine.root, "blobs/sha256")).sort();
}

/** RepoDigests, Id and diffIDs of an image as `inspect` tells them. */
export async function identityOf(engine: ImagesEngine, image: string) {
  const { Id, RepoTags, RepoDigests, RootFS } = await engine.images.inspect(image);
  return { Id, RepoTags, RepoDigests, RootFS };
}
