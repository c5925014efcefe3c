import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { lchown, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { EngineError, messageOf } from "../../errors.ts";
import { findJson } from "../../lib/json.ts";
import { type Digest, hexOf, isDigest, sha256 } from "../../oci/digest.ts";
import type { CachePlace } from "./cache-place.ts";

const documentLimit = 64 * 1024 * 1024;
/** As BuildKit calls what is there without another name. */
const tag = "latest";

/**
 * A directory in the form of OCI's layout (image-spec, image-layout.md). What other caches in it hold stays. It is whose the directory is that
 * it lies in, not the engine's.
 */
export function localCache(directory: string): CachePlace {
  const blobs = join(directory, "blobs", "sha256");
  const pathOf = (digest: Digest): string => join(blobs, hexOf(digest));
  const put = async (path: string, write: (beside: string) => Promise<void>): Promise<void> => {
    const beside = `${path}.${randomUUID()}`;
    try {
      await write(beside);
      const { uid, gid } = await stat(directory);
      await lchown(beside, uid, gid);
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw EngineError.wrap(`write build cache ${directory}`, error);
    }
  };
  return {
    name: directory,
    manifest: async () => {
      const index = findJson((await readSmall(join(directory, "index.json")))?.toString() ?? "");
      const digest = digestIn(index);
      return digest === null ? null : await readSmall(pathOf(digest));
    },
    read: (blob) => createReadStream(pathOf(blob.digest), { highWaterMark: 1024 * 1024 }),
    has: async (digest) => (await stat(pathOf(digest)).catch(() => null))?.isFile() ?? false,
    write: async ({ digest }, open, signal) => {
      await makeDirectories(blobs);
      await put(pathOf(digest), (beside) => pipeline(open(0), createWriteStream(beside), { signal }));
    },
    writeManifest: async (bytes, mediaType) => {
      await makeDirectories(blobs);
      const digest = sha256(bytes);
      await put(pathOf(digest), (beside) => writeFile(beside, bytes));
      const annotations = { "org.opencontainers.image.ref.name": tag };
      const manifests = [{ mediaType, digest, size: bytes.length, annotations }];
      const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
      await put(join(directory, "oci-layout"), (beside) => writeFile(beside, '{"imageLayoutVersion":"1.0.0"}'));
      await put(join(directory, "index.json"), (beside) => writeFile(beside, JSON.stringify(index)));
    },
  };
}

/** What is missing of a path; as its owner has it who owns the directory that was there. */
async function makeDirectories(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  const { uid, gid } = await stat(dirname(first));
  for (let made = path; made.length >= first.length; made = dirname(made)) await lchown(made, uid, gid);
}

/** Null for what is not there. */
async function readSmall(path: string): Promise<Buffer | null> {
  try {
    const { size } = await stat(path);
    if (size > documentLimit) throw new EngineError("corrupt", `${path} is too large`);
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    if (error instanceof EngineError) throw error;
    throw new EngineError("internal", `read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function digestIn(index: unknown): Digest | null {
  const { manifests } = (index ?? {}) as { manifests?: { digest?: unknown; annotations?: Record<string, unknown> }[] };
  if (!Array.isArray(manifests)) return null;
  const named = manifests.find((entry) => entry?.annotations?.["org.opencontainers.image.ref.name"] === tag);
  const digest = (named ?? manifests[0])?.digest;
  return isDigest(digest) ? digest : null;
}
