import { posix } from "node:path";
import { EngineError } from "../errors.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import type { ByteReader } from "../lib/byte-reader.ts";
import { type TarEntry, TarReader } from "../lib/tar-reader.ts";
import { type Digest, digestOfHex } from "../oci/digest.ts";
import { ArchiveFile, examineFile } from "./archive-file.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";

const entryLimit = 50_000;
const pathLimit = 1_024;
const linkHops = 16;
/** Small files wait in memory: most are legacy metadata that nobody asks for, and each blob costs an fsync. */
const smallFile = 64 * 1024;
const memoryLimit = 32 * 1024 * 1024;
/** Manifests and image configs; larger ones are refused. */
const documentLimit = 8 * 1024 * 1024;

export type ArchiveStores = {
  readonly blobs: LeasedBlobs;
  readonly layers: LayerStore;
  /** True for the digest of a layer that is here already, or of its blob: it needs no unpacking. */
  readonly isHere: (digest: Digest) => boolean;
};
export type ArchiveWork = { readonly signal: AbortSignal; readonly onUnpack: (path: string, bytes: number) => void };

/** The files of an image archive by path. What nobody wanted to keep goes when it is disposed. */
export class ArchiveFiles implements AsyncDisposable {
  readonly #stores: ArchiveStores;
  readonly #work: ArchiveWork;
  readonly #stop = new AbortController();
  readonly #ingests = new AsyncDisposableStack();
  readonly #coming: { readonly path: string; readonly examined: Promise<ArchiveFile> }[] = [];
  readonly #files = new Map<string, ArchiveFile>();
  readonly #links = new Map<string, string>();
  /** Large files that are no layer, nor anything else that can be read. */
  readonly #broken = new Map<string, EngineError>();
  #memory = 0;

  constructor(stores: ArchiveStores, work: ArchiveWork) {
    this.#stores = stores;
    this.#work = { ...work, signal: AbortSignal.any([work.signal, this.#stop.signal]) };
  }

  /** Reads the whole tar; layers are being unpacked meanwhile. Fails with `corrupt` for a broken or hostile one. */
  async receive(bytes: ByteReader): Promise<void> {
    const tar = new TarReader(bytes);
    let count = 0;
    for (let entry = await tar.next(); entry !== null; entry = await tar.next()) {
      if (++count > entryLimit) throw new EngineError("corrupt", `archive has more than ${entryLimit} entries`);
      await this.#receiveEntry(tar, entry);
    }
    // What follows the end of the tar is padding; a compressed stream's checksum comes after it.
    while ((await bytes.readSome(Number.MAX_SAFE_INTEGER)) !== null);
    for (const { path, examined } of this.#coming) await this.#addExamined(path, examined);
  }

  /** The file at a path, symbolic links inside the archive followed; null where there is none. */
  find(path: string): ArchiveFile | null {
    let at = path;
    for (let hop = 0; hop < linkHops; hop++) {
      const file = this.#files.get(at);
      if (file !== undefined) return file;
      const broken = this.#broken.get(at);
      if (broken !== undefined) throw EngineError.wrap(`archive entry ${quote(path)}`, broken);
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
    if (file.bytes !== null) return file.bytes;
    await this.keep(file);
    return await this.#stores.blobs.read(file.digest, documentLimit);
  }

  /** Makes sure the file lies in the blob store and gives its digest. */
  async keep(file: ArchiveFile): Promise<Digest> {
    await file.keep(this.#stores.blobs);
    return file.digest;
  }

  get isEmpty(): boolean {
    return this.#files.size === 0 && this.#broken.size === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const result of await Promise.allSettled(this.#coming.map(({ examined }) => examined))) {
      if (result.status === "fulfilled") await result.value.takeLayer()?.[Symbol.asyncDispose]();
    }
    await this.#ingests[Symbol.asyncDispose]();
  }

  async #receiveEntry(tar: TarReader, entry: TarEntry): Promise<void> {
    const path = checkPath(entry.path);
    if (entry.type === "directory") return;
    if (entry.type === "other")
      throw new EngineError("corrupt", `archive entry ${quote(path)} is no file, directory or link`);
    if (entry.type !== "file") this.#addLink(path, entry);
    else if (entry.size <= smallFile && this.#memory + entry.size <= memoryLimit) {
      this.#memory += entry.size;
      this.#addFile(path, ArchiveFile.inMemory(await readAll(tar)));
    } else await this.#receiveLarge(tar, path);
  }

  async #receiveLarge(tar: TarReader, path: string): Promise<void> {
    const ingest = this.#ingests.use(await this.#stores.blobs.openGrowingIngest());
    const head = await readHead(tar);
    const { layers, isHere } = this.#stores;
    const { signal, onUnpack } = this.#work;
    const hex = /[0-9a-f]{64}/.exec(path)?.[0];
    const isWanted = hex === undefined || !isHere(digestOfHex(hex));
    const onProgress = (bytes: number): void => onUnpack(path, bytes);
    const examining = examineFile(head, ingest, { layers, isWanted, signal, onProgress });
    const examined = examining.then((found) => ArchiveFile.inIngest(ingest, found));
    // Whoever waits for it comes later.
    examined.catch(() => {});
    this.#coming.push({ path, examined });
    await ingest.write(head);
    for (let piece = await tar.readSome(); piece !== null; piece = await tar.readSome()) await ingest.write(piece);
    await ingest.end();
  }

  async #addExamined(path: string, examined: Promise<ArchiveFile>): Promise<void> {
    try {
      this.#addFile(path, await examined);
    } catch (error) {
      const isUnread = error instanceof EngineError && ["corrupt", "unimplemented"].includes(error.code);
      if (!isUnread || this.#files.has(path) || this.#links.has(path)) throw error;
      this.#broken.set(path, error);
    }
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

/** The first 512 bytes and what came with them; fewer only of a smaller file. */
async function readHead(tar: TarReader): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let size = 0; size < 512; ) {
    const piece = await tar.readSome();
    if (piece === null) break;
    pieces.push(piece);
    size += piece.length;
  }
  return Buffer.concat(pieces);
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
