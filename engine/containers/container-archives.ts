import { EngineError } from "../errors.ts";
import { decompress } from "../host/decompress.ts";
import type { LongWork } from "../images/image-service.ts";
import type { Archives } from "../layers/archives.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { releaseBytes } from "../lib/young-garbage.ts";
import type { PathStat } from "../protocol/archives.ts";
import { resolveUser } from "../runtime/spec/user.ts";
import { type CommitRequest, commitContainer } from "./commit-container.ts";
import { publishEvent } from "./container-events.ts";
import type { ContainerRecord } from "./container-record.ts";
import { cleanPath, openView } from "./container-view-of.ts";
import type { ContainerParts } from "./parts.ts";

/** Takes bytes of an archive; resolves when the next may come. */
export type ArchiveOutput = (bytes: Uint8Array) => Promise<void>;

export type CopyInOptions = {
  readonly path: string;
  /** docker's `cp -a`: all belongs to the container's user; without one, and else, to whom the tar says. */
  readonly keepOwner: boolean;
  readonly noOverwriteDirNonDir: boolean;
};

/**
 * Files of containers as tars, running or not. Paths begin at the container's root, and links are followed inside it only. What is mounted
 * is seen: binds always, as docker does; a tmpfs while the container runs, since nobody else has it.
 */
export class ContainerArchives {
  readonly #parts: ContainerParts;
  readonly #archives: Archives;

  constructor(parts: ContainerParts, archives: Archives) {
    this.#parts = parts;
    this.#archives = archives;
  }

  /** Makes an image of what the container changed. Fails with `invalid-argument` for a bad change or name, before anything is done. */
  commit(container: string, request: CommitRequest, work: LongWork): Promise<{ id: string }> {
    return commitContainer(this.#parts, this.#archives, { record: this.#get(container), request, work });
  }

  /** The whole file system, without what is mounted into it. */
  export(container: string, output: ArchiveOutput, work: LongWork): Promise<{ bytes: number }> {
    return this.#with(container, (record) => this.#export(record, output, work));
  }

  /** Fails with `not-found`. */
  statPath(container: string, path: string): Promise<PathStat> {
    return this.#with(container, async (record) => {
      await using opened = await openView(this.#parts, record);
      return await named(this.#archives.stat(opened.view, cleanPath(path)), path, container);
    });
  }

  /** Entries begin with the last name of `path`. Fails with `not-found`. onStat: before the first bytes. */
  copyOut(
    container: string,
    from: { readonly path: string; readonly followLink: boolean },
    to: { readonly output: ArchiveOutput; readonly work: LongWork; readonly onStat?: (stat: PathStat) => void },
  ): Promise<{ bytes: number; stat: PathStat }> {
    return this.#with(container, async (record) => {
      await using opened = await openView(this.#parts, record);
      const task = { view: opened.view, path: cleanPath(from.path), followLink: from.followLink };
      const packed = this.#archives.packPath(task, to.work.signal);
      const { stat, archive } = await named(packed, from.path, container);
      to.onStat?.(stat);
      const bytes = await send(archive, to.output);
      publishEvent(this.#parts, record, "archive-path");
      return { bytes, stat };
    });
  }

  /** Unpacks a tar (plain or compressed) below a directory. `permission-denied` where that is read-only. */
  copyIn(
    container: string,
    options: CopyInOptions,
    from: { readonly tar: AsyncIterable<Uint8Array>; readonly work: LongWork },
  ): Promise<{ bytes: number }> {
    return this.#with(container, (record) => this.#copyIn(record, options, from));
  }

  async #export(record: ContainerRecord, output: ArchiveOutput, work: LongWork): Promise<{ bytes: number }> {
    await using _mounted = await this.#parts.layers.keepMounted(record.id);
    const directories = [bytePathOf(this.#parts.layers.rootfsOf(record.id))];
    const archive = this.#archives.pack(
      { directories, inside: "", path: "", ids: this.#parts.layers.idsOf(record.id) },
      work.signal,
    );
    const bytes = await send(archive, output);
    publishEvent(this.#parts, record, "export");
    return { bytes };
  }

  async #copyIn(
    record: ContainerRecord,
    options: CopyInOptions,
    from: { readonly tar: AsyncIterable<Uint8Array>; readonly work: LongWork },
  ): Promise<{ bytes: number }> {
    const { id, resolution } = record;
    await using opened = await openView(this.#parts, record);
    const takesOver = options.keepOwner && resolution.user !== "";
    const owner = takesOver ? await resolveUser(this.#parts.layers.rootfsOf(id), resolution.user, []) : null;
    const task = {
      view: opened.view,
      path: cleanPath(options.path),
      noOverwriteDirNonDir: options.noOverwriteDirNonDir,
      owner: owner === null ? null : { uid: owner.uid, gid: owner.gid },
      // As little as for what the container writes itself, and for docker's `cp`.
      isUnsynced: true,
    };
    const tar = new CountedTar(from.tar);
    await named(this.#archives.unpackInto(task, decompress(tar), from.work.signal), options.path, record.name);
    publishEvent(this.#parts, record, "extract-to-dir");
    return { bytes: tar.bytes };
  }

  /** What goes while it is read or written fails as what it is: a removed container. */
  async #with<T>(container: string, work: (record: ContainerRecord) => Promise<T>): Promise<T> {
    const record = this.#get(container);
    try {
      return await work(record);
    } catch (cause) {
      const status = this.#parts.table.find(record.id)?.state.status;
      if (status !== undefined && status !== "removing" && status !== "dead") throw cause;
      throw new EngineError("not-found", `container ${record.name} was removed meanwhile`, { cause });
    }
  }

  #get(container: string): ContainerRecord {
    const record = this.#parts.table.get(container);
    const { status } = record.state;
    if (status !== "removing" && status !== "dead") return record;
    throw new EngineError("failed-precondition", `container ${record.name} is being removed`);
  }
}

class CountedTar implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#source) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }
}

async function send(archive: AsyncIterable<Uint8Array>, output: ArchiveOutput): Promise<number> {
  let bytes = 0;
  for await (const chunk of archive) {
    bytes += chunk.length;
    await output(chunk);
    releaseBytes(chunk);
  }
  return bytes;
}

/** Says which container was looked into, in docker's words. */
async function named<T>(work: Promise<T>, path: string, container: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const isMissing = error instanceof EngineError && error.code === "not-found";
    if (!isMissing) throw error;
    throw new EngineError("not-found", `could not find the file ${path} in container ${container}`, { cause: error });
  }
}
