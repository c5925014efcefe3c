import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";
import { type Header, type Pack, pack } from "tar-stream";
import { EngineError } from "../../../engine/errors.ts";
import { type CopyEnd, type CopyPlan, renameEntry, splitEntry } from "./go-paths.ts";

type EntryHeader = Partial<Header> & Pick<Header, "name">;

const chunkSize = 1 << 20;

/**
 * A file or directory of this host as tar, as `docker cp` sends it: names begin with the last one of the path, owners by number, whole
 * seconds, hard links kept, sockets left out. Links are not followed.
 */
export async function* packLocal(source: CopyEnd, rename: CopyPlan["rename"]): AsyncGenerator<Uint8Array> {
  const tar = pack();
  const packed = addAll(tar, source, rename).then(
    () => tar.finalize(),
    (error) => tar.destroy(error),
  );
  yield* tar as AsyncIterable<Buffer>;
  await packed;
}

async function addAll(tar: Pack, source: CopyEnd, rename: CopyPlan["rename"]): Promise<void> {
  const { directory, base } = splitEntry(source.path);
  const path = base === "." ? directory : `${directory}/${base}`;
  await new LocalPacker(tar, rename).add(path, base);
}

class LocalPacker {
  readonly #tar: Pack;
  readonly #rename: CopyPlan["rename"];
  /** Name of each file with several names that is in the archive already. */
  readonly #links = new Map<string, string>();

  constructor(tar: Pack, rename: CopyPlan["rename"]) {
    this.#tar = tar;
    this.#rename = rename;
  }

  async add(path: string, name: string): Promise<void> {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.isSocket()) return;
    const header = headerOf(stat, renameEntry(name, this.#rename));
    if (stat.isDirectory()) {
      await this.#addEntry({ ...header, name: slashed(header.name), type: "directory" });
      for (const child of readdirSync(path, { encoding: "buffer" }).sort(Buffer.compare)) {
        const text = nameOf(child, path);
        await this.add(`${path}/${text}`, `${slashed(name)}${text}`);
      }
    } else if (this.#isLinked(stat, header.name)) {
      await this.#addEntry({ ...header, type: "link", linkname: this.#links.get(keyOf(stat)) ?? "" });
    } else if (stat.isFile()) await this.#addFile(path, header);
    else if (stat.isSymbolicLink()) await this.#addEntry({ ...header, type: "symlink", linkname: readlinkSync(path) });
    else if (stat.isFIFO()) await this.#addEntry({ ...header, type: "fifo" });
    else {
      const type = stat.isCharacterDevice() ? "character-device" : "block-device";
      await this.#addEntry({ ...header, type, ...deviceOf(stat.rdev) });
    }
  }

  /** True: the file is in the archive by another name. */
  #isLinked(stat: Stats, name: string): boolean {
    if (stat.nlink < 2) return false;
    if (this.#links.has(keyOf(stat))) return true;
    this.#links.set(keyOf(stat), name);
    return false;
  }

  async #addFile(path: string, header: EntryHeader): Promise<void> {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { size } = fstatSync(fd);
      const entry = this.#tar.entry({ ...header, type: "file", size });
      for (let position = 0; position < size; ) {
        const space = Buffer.allocUnsafe(Math.min(chunkSize, size - position));
        const count = readSync(fd, space, 0, space.length, position);
        // It shrank since its size was told: zeros, as tar(1) does.
        const bytes = count === 0 ? space.fill(0) : space.subarray(0, count);
        position += bytes.length;
        if (!entry.write(bytes)) await new Promise((resolve) => entry.once("drain", () => resolve(null)));
      }
      await new Promise<void>((resolve, reject) => {
        entry.once("error", reject);
        entry.end(() => resolve());
      });
    } finally {
      closeSync(fd);
    }
  }

  #addEntry(header: EntryHeader): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tar.entry({ ...header, size: 0 }, (error) => (error ? reject(error) : resolve()));
    });
  }
}

function headerOf(stat: Stats, name: string): EntryHeader {
  const mtime = new Date(Math.floor(stat.mtimeMs / 1000) * 1000);
  return { name, mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, mtime };
}

function slashed(name: string): string {
  return name.endsWith("/") ? name : `${name}/`;
}

function nameOf(bytes: Buffer, directory: string): string {
  const text = bytes.toString("utf8");
  if (Buffer.from(text, "utf8").equals(bytes)) return text;
  throw new EngineError("unimplemented", `${directory} holds a file whose name is not UTF-8: ${JSON.stringify(text)}`, {
    hint: "pack it with tar and pipe that into: gantry cp - CONTAINER:DIRECTORY",
  });
}

function keyOf(stat: Stats): string {
  return `${stat.dev}:${stat.ino}`;
}

/** As gnu_dev_major(3) unpacks them. */
function deviceOf(device: number): { devmajor: number; devminor: number } {
  return { devmajor: (device >>> 8) & 0xfff, devminor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}
