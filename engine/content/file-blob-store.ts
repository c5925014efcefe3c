import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, messageOf } from "../errors.ts";
import { type Digest, digestOfHex, hexOf, isDigest, sha256 } from "../oci/digest.ts";
import type { BlobStore, Ingest } from "./blob-store.ts";
import { FileIngest } from "./file-ingest.ts";

const readLimit = 8 * 1024 * 1024;

/**
 * Opens the store below the engine's root directory and sweeps what a crash left unfinished. One engine owns a root, so
 * every ingest found here is nobody's.
 *
 *     <root>/blobs/sha256/<hex>     finished, 0444
 *     <root>/blobs/ingest/<uuid>    unfinished
 */
export async function openBlobStore(root: string): Promise<BlobStore> {
  const ingest = join(root, "blobs", "ingest");
  const finished = join(root, "blobs", "sha256");
  await rm(ingest, { recursive: true, force: true });
  await mkdir(ingest, { recursive: true, mode: 0o700 });
  await mkdir(finished, { recursive: true, mode: 0o700 });
  return new FileBlobStore(ingest, finished);
}

class FileBlobStore implements BlobStore {
  readonly #ingest: string;
  readonly #finished: string;

  constructor(ingest: string, finished: string) {
    this.#ingest = ingest;
    this.#finished = finished;
  }

  async openIngest(): Promise<Ingest> {
    const path = join(this.#ingest, randomUUID());
    const handle = await open(path, "wx", 0o600);
    return new FileIngest(handle, path, (digest) => this.#adopt(path, digest));
  }

  async has(digest: Digest): Promise<boolean> {
    try {
      await access(this.pathOf(digest), constants.F_OK);
      return true;
    } catch {
      return false;
    }
  }

  pathOf(digest: Digest): string {
    return join(this.#finished, hexOf(digest));
  }

  async read(digest: Digest, limit = readLimit): Promise<Buffer> {
    const path = this.pathOf(digest);
    try {
      const { size } = await stat(path);
      if (size > limit) throw new EngineError("corrupt", `blob ${digest} has ${size} bytes, at most ${limit} are read`);
      const bytes = await readFile(path);
      const actual = sha256(bytes);
      if (actual !== digest) {
        throw new EngineError("corrupt", `blob ${digest} was damaged on disk: its bytes hash to ${actual}`, {
          hint: "load or import the image again",
        });
      }
      return bytes;
    } catch (error) {
      if (error instanceof EngineError) throw error;
      const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
      throw new EngineError(isMissing ? "not-found" : "internal", `read blob ${digest}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.pathOf(digest), { force: true });
  }

  async list(): Promise<readonly Digest[]> {
    const names = await readdir(this.#finished);
    return names.map(digestOfHex).filter(isDigest);
  }

  /** Gives a durable file its name. It takes the place of one that is there: the same bytes, or damaged ones. */
  async #adopt(path: string, digest: Digest): Promise<void> {
    await chmod(path, 0o444);
    await rename(path, this.pathOf(digest));
    const directory = await open(this.#finished, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}
