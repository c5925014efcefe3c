import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { DiffID } from "../../../engine/oci/digest.ts";

export type LargeLayer = { readonly path: string; readonly diffID: DiffID };

/**
 * Writes the tars of an image with very many files: `layers` layers share `files` files of a few bytes in directories of fifty, each further layer
 * also changes every hundredth file of the first, removes every thousandth, and brings one sparse file of `sparseSize` bytes.
 */
export async function writeLargeImage(
  directory: string,
  { files, layers, sparseSize }: { readonly files: number; readonly layers: number; readonly sparseSize: number },
): Promise<LargeLayer[]> {
  const made: LargeLayer[] = [];
  const each = Math.ceil(files / layers);
  for (let layer = 0; layer < layers; layer++) {
    const path = `${directory}/layer-${layer}.tar`;
    const tar = new TarFile(path);
    await tar.sparse(`huge/layer-${layer}.img`, sparseSize);
    for (let index = 0; index < each; index++)
      await tar.file(pathOf(layer, index), index % 4 === 0 ? "" : `file ${index}\n`);
    for (let index = 0; layer > 0 && index < each; index += 100) {
      if (index % 1000 === 0) await tar.file(pathOf(0, index).replace(/[^/]+$/, ".wh.$&"), "");
      else await tar.file(pathOf(0, index), `changed by ${layer}\n`);
    }
    made.push({ path, diffID: await tar.end() });
  }
  return made;
}

function pathOf(layer: number, index: number): string {
  const directory = Math.floor(index / 50);
  return `usr/share/part-${layer}/package-${Math.floor(directory / 40)}/module-${directory % 40}/source-file-${index}.js`;
}

/** Entries come without their directories where these were there before. */
class TarFile {
  readonly #out: ReturnType<typeof createWriteStream>;
  readonly #hash = createHash("sha256");
  readonly #directories = new Set<string>([""]);
  #pieces: Buffer[] = [];
  #size = 0;

  constructor(path: string) {
    this.#out = createWriteStream(path);
  }

  async file(path: string, text: string): Promise<void> {
    await this.#parents(path);
    await this.#add(header(path, "0", text.length), Buffer.from(text), Buffer.alloc((512 - (text.length % 512)) % 512));
  }

  /** A file of zeros with one byte at its end, as GNU tar writes it in format 1.0. */
  async sparse(path: string, size: number): Promise<void> {
    await this.#parents(path);
    const name = path.replace(/[^/]+$/, "GNUSparseFile.1/$&");
    const records = [
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", path],
      ["GNU.sparse.realsize", String(size)],
    ].map(([key, value]) => record(`${key}=${value}\n`));
    const pax = Buffer.from(records.join(""));
    const map = Buffer.alloc(512);
    map.write(`1\n${size - 512}\n512\n`);
    await this.#add(header("pax", "x", pax.length), pax, Buffer.alloc((512 - (pax.length % 512)) % 512));
    await this.#add(header(name, "0", 1024), map, Buffer.alloc(512, "e"));
  }

  async end(): Promise<DiffID> {
    await this.#add(Buffer.alloc(1024));
    await this.#flush();
    this.#out.end();
    await once(this.#out, "close");
    return `sha256:${this.#hash.digest("hex")}` as DiffID;
  }

  async #parents(path: string): Promise<void> {
    const parts = path.split("/").slice(0, -1);
    for (let length = 1; length <= parts.length; length++) {
      const parent = `${parts.slice(0, length).join("/")}/`;
      if (this.#directories.has(parent)) continue;
      this.#directories.add(parent);
      await this.#add(header(parent, "5", 0));
    }
  }

  async #add(...pieces: Buffer[]): Promise<void> {
    this.#pieces.push(...pieces);
    this.#size += pieces.reduce((sum, { length }) => sum + length, 0);
    if (this.#size > 1024 * 1024) await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#size = 0;
    this.#hash.update(bytes);
    if (!this.#out.write(bytes)) await once(this.#out, "drain");
  }
}

function record(rest: string): string {
  let length = rest.length + 1;
  while (String(length).length + 1 + rest.length !== length) length = String(length).length + 1 + rest.length;
  return `${length} ${rest}`;
}

const empty = Buffer.alloc(512);
empty.write("ustar\x0000", 257, "latin1");

function header(path: string, type: string, size: number): Buffer {
  const bytes = Buffer.from(empty);
  bytes.write(path, 0, "latin1");
  bytes.write(type === "5" ? "0000755" : "0000644", 100, "latin1");
  bytes.write("0000000\x000000000", 108, "latin1");
  bytes.write(size.toString(8).padStart(11, "0"), 124, "latin1");
  bytes.write("07346545000", 136, "latin1");
  bytes.write(type, 156, "latin1");
  bytes.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}
