import { posix } from "node:path";
import type { BlobStore } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import type { ByteReader } from "../lib/byte-reader.ts";
import { type TarEntry, TarReader } from "../lib/tar-reader.ts";
import { type Digest, sha256 } from "../oci/digest.ts";

const entryLimit = 50_000;
const pathLimit = 1_024;
const linkHops = 16;
/** Small files wait in memory: most are legacy metadata that nobody asks for, and each blob costs an fsync. */
const smallFile = 64 * 1024;
const memoryLimit = 32 * 1024 * 1024;
/** Manifests and image configs; larger ones are refused. */
const documentLimit = 8 * 1024 * 1024;

/** A file of the archive: in memory if small, else a blob. */
export type ArchiveFile = { readonly digest: Digest; readonly size: number; readonly bytes: Buffer | null };

/** The files of an image archive by path, received from a stream into blobs. */
export class ArchiveFiles {
  readonly #blobs: BlobStore;
  readonly #files = new Map<string, ArchiveFile>();
  readonly #links = new Map<string, string>();
  #memory = 0;

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /** Reads the whole tar. Fails with `corrupt` for a broken or hostile one. */
  async receive(bytes: ByteReader): Promise<void> {
    const tar = new TarReader(bytes);
    let count = 0;
    for (let entry = await tar.next(); entry !== null; entry = await tar.next()) {
      if (++count > entryLimit) throw new EngineError("corrupt", `archive has more than ${entryLimit} entries`);
      await this.#receiveEntry(tar, entry);
    }
    // What follows the end of the tar is padding; a compressed stream's checksum comes after it.
    while ((await bytes.readSome(Number.MAX_SAFE_INTEGER)) !== null);
  }

  /** The file at a path, symbolic links inside the archive followed; null where there is none. */
  find(path: string): ArchiveFile | null {
    let at = path;
    for (let hop = 0; hop < linkHops; hop++) {
      const file = this.#files.get(at);
      if (file !== undefined) return file;
      const target = this.#links.get(at);
      if (target === undefined) return null;
      at = target;
    }
    throw new EngineError("corrupt", `archive entry ${quote(path)} is a loop of links`);
  }

  /** Content of a manifest or config. */
  async readDocument(file: ArchiveFile, path: string): Promise<Buffer> {
    if (file.size > documentLimit) {
      throw new EngineError(
        "corrupt",
        `archive entry ${quote(path)} has ${file.size} bytes, at most ${documentLimit} are read`,
      );
    }
    return file.bytes ?? (await this.#blobs.read(file.digest, documentLimit));
  }

  /** Makes sure the file lies in the blob store and gives its digest. */
  async keep(file: ArchiveFile): Promise<Digest> {
    if (file.bytes !== null) await storeBlob(this.#blobs, file.bytes);
    return file.digest;
  }

  get isEmpty(): boolean {
    return this.#files.size === 0;
  }

  async #receiveEntry(tar: TarReader, entry: TarEntry): Promise<void> {
    const path = checkPath(entry.path);
    if (entry.type === "directory") return;
    if (entry.type === "other")
      throw new EngineError("corrupt", `archive entry ${quote(path)} is no file, directory or link`);
    if (entry.type === "file") this.#addFile(path, await this.#receiveFile(tar, entry));
    else this.#addLink(path, entry);
  }

  async #receiveFile(tar: TarReader, entry: TarEntry): Promise<ArchiveFile> {
    if (entry.size <= smallFile && this.#memory + entry.size <= memoryLimit) {
      this.#memory += entry.size;
      const bytes = await readAll(tar);
      return { digest: sha256(bytes), size: bytes.length, bytes };
    }
    await using ingest = await this.#blobs.openIngest();
    for (let piece = await tar.readSome(); piece !== null; piece = await tar.readSome()) await ingest.write(piece);
    return { ...(await ingest.commit()), bytes: null };
  }

  /** Two readers of one archive must see the same file: a path may come twice only with the same bytes. */
  #addFile(path: string, file: ArchiveFile): void {
    const known = this.#files.get(path);
    if ((known !== undefined && known.digest !== file.digest) || this.#links.has(path)) throw duplicate(path);
    this.#files.set(path, file);
  }

  #addLink(path: string, entry: TarEntry): void {
    const base = entry.type === "symlink" ? posix.dirname(path) : ".";
    if (entry.linkPath.startsWith("/")) throw hostilePath(entry.linkPath);
    const target = checkPath(posix.join(base, entry.linkPath));
    const known = this.#links.get(path);
    if ((known !== undefined && known !== target) || this.#files.has(path)) throw duplicate(path);
    this.#links.set(path, target);
  }
}

/** Stores bytes that are at hand. */
export async function storeBlob(blobs: BlobStore, bytes: Uint8Array): Promise<Digest> {
  const digest = sha256(bytes);
  await using ingest = await blobs.openIngest();
  await ingest.write(bytes);
  return (await ingest.commit({ digest, size: bytes.length })).digest;
}

async function readAll(tar: TarReader): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let piece = await tar.readSome(); piece !== null; piece = await tar.readSome()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Normalizes `./a//b` to `a/b`; refuses what points out of the archive. */
function checkPath(path: string): string {
  const isOdd = path.length > pathLimit || path.startsWith("/") || path.split("/").includes("..");
  if (isOdd || path.includes("\0")) throw hostilePath(path);
  return posix.normalize(path).replace(/\/$/, "");
}

function hostilePath(path: string): EngineError {
  return new EngineError("corrupt", `archive entry ${quote(path)} points out of the archive`);
}

function duplicate(path: string): EngineError {
  return new EngineError("corrupt", `archive has two different entries ${quote(path)}`);
}

export function quote(path: string): string {
  return JSON.stringify(path.length > 80 ? `${path.slice(0, 80)}…` : path);
}
