import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, messageOf } from "../errors.ts";
import { Batched } from "../lib/batched.ts";
import { syncDirectory } from "../lib/durable-file.ts";
import { Holds } from "../lib/holds.ts";
import { type Digest, digestOfHex, hexOf, isDigest, sha256 } from "../oci/digest.ts";
import type { BlobStore, GrowingIngest, Ingest } from "./blob-store.ts";
import { FileIngest } from "./file-ingest.ts";
import { GrowingFileIngest } from "./growing-file-ingest.ts";

const readLimit = 8 * 1024 * 1024;

/**
 * Opens the store below the engine's root directory and sweeps what a crash left unfinished and cannot be gone on with. One engine
 * owns a root, so every ingest found here is nobody's.
 *
 *     <root>/blobs/sha256/<hex>     finished, 0444
 *     <root>/blobs/ingest/<hex>     download of the blob with this digest, unfinished
 *     <root>/blobs/ingest/<uuid>    unfinished, of a digest not known yet
 */
export async function openBlobStore(root: string): Promise<BlobStore> {
  const ingest = join(root, "blobs", "ingest");
  const finished = join(root, "blobs", "sha256");
  await mkdir(ingest, { recursive: true, mode: 0o700 });
  await mkdir(finished, { recursive: true, mode: 0o700 });
  for (const name of await readdir(ingest)) {
    if (!isDigest(digestOfHex(name))) await rm(join(ingest, name), { recursive: true, force: true });
  }
  return new FileBlobStore(ingest, finished);
}

type OnDigest = (digest: Digest) => Promise<void>;

class FileBlobStore implements BlobStore {
  readonly #ingest: string;
  readonly #finished: string;
  readonly #holds = new Holds();
  readonly #nameSync: Batched;

  constructor(ingest: string, finished: string) {
    this.#ingest = ingest;
    this.#finished = finished;
    this.#nameSync = new Batched(() => syncDirectory(finished));
  }

  async openIngest(onDigest?: OnDigest): Promise<Ingest> {
    const path = join(this.#ingest, randomUUID());
    const handle = await open(path, "wx", 0o600);
    return new FileIngest(handle, path, this.#adopter(path, onDigest));
  }

  async openGrowingIngest(digest: Digest | null, onDigest?: OnDigest): Promise<GrowingIngest> {
    const path = join(this.#ingest, digest === null ? randomUUID() : hexOf(digest));
    // Not the flag for appending: with it, Linux ignores where a write is to go.
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    const { size } = await handle.stat();
    const adopt = this.#adopter(path, onDigest);
    return new GrowingFileIngest(handle, { path, size, isKept: digest !== null, adopt });
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

  list(): Promise<readonly Digest[]> {
    return digestsIn(this.#finished);
  }

  async measure(): Promise<ReadonlyMap<Digest, number>> {
    const sizes = new Map<Digest, number>();
    for (const directory of [this.#finished, this.#ingest]) {
      for (const digest of await digestsIn(directory)) {
        const size = await sizeOf(join(directory, hexOf(digest)));
        if (size !== null) sizes.set(digest, (sizes.get(digest) ?? 0) + size);
      }
    }
    return sizes;
  }

  hold(digests: readonly Digest[]): Promise<Disposable> {
    return this.#holds.hold(digests);
  }

  isHeld(digest: Digest): boolean {
    return this.#holds.isHeld(digest);
  }

  async strayIngests(): Promise<readonly string[]> {
    return (await readdir(this.#ingest)).filter((name) => !this.#holds.isHeld(digestOfHex(name)));
  }

  async removeStray(name: string): Promise<void> {
    await rm(join(this.#ingest, name), { force: true });
  }

  async sweep(kept: ReadonlySet<Digest>): Promise<void> {
    using sweep = this.#holds.beginSweep();
    const finished = new Set(await digestsIn(this.#finished));
    for (const digest of await digestsIn(this.#ingest)) {
      if (kept.has(digest) && !finished.has(digest)) continue;
      await sweep.drop(digest, () => rm(join(this.#ingest, hexOf(digest)), { force: true }));
    }
    for (const digest of finished) if (!kept.has(digest)) await sweep.drop(digest, () => this.remove(digest));
  }

  #adopter(path: string, onDigest?: OnDigest): (digest: Digest) => Promise<void> {
    return async (digest) => {
      await onDigest?.(digest);
      await this.#adopt(path, digest);
    };
  }

  /** Gives a durable file its name. It takes the place of one that is there: the same bytes, or damaged ones. */
  async #adopt(path: string, digest: Digest): Promise<void> {
    await chmod(path, 0o444);
    await rename(path, this.pathOf(digest));
    await this.#nameSync.request();
  }
}

/** Null for what is gone. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function digestsIn(directory: string): Promise<readonly Digest[]> {
  return (await readdir(directory)).map(digestOfHex).filter(isDigest);
}
