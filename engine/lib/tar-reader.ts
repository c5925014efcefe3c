import { EngineError } from "../errors.ts";
import type { ByteReader } from "./byte-reader.ts";

export type TarEntryType = "file" | "hardlink" | "symlink" | "directory" | "other";

export type TarEntry = {
  /** As written in the archive: hostile. */
  readonly path: string;
  readonly type: TarEntryType;
  readonly size: number;
  /** Target of a link, else empty. */
  readonly linkPath: string;
};

const blockSize = 512;
/** Extended headers hold names; nobody needs more, and they are held in memory. */
const extensionLimit = 1024 * 1024;

/**
 * Walks a tar of any size in constant memory: ustar, GNU long names, pax paths and sizes (POSIX.1-2017, pax, "ustar Interchange
 * Format"). For each entry: `next`, then `readSome` until null, or `next` again to skip. Fails with `corrupt`.
 */
export class TarReader {
  readonly #bytes: ByteReader;
  #left = 0;
  #padding = 0;

  constructor(bytes: ByteReader) {
    this.#bytes = bytes;
  }

  /** The next entry, or null at the end of the archive. */
  async next(): Promise<TarEntry | null> {
    const extended = new Map<string, string>();
    for (;;) {
      await this.#skipBody();
      const header = await this.#readHeader();
      if (header === null) return null;
      const flag = String.fromCharCode(header[156] ?? 0);
      const size = sizeOf(header, extended, flag);
      this.#left = size;
      this.#padding = (blockSize - (size % blockSize)) % blockSize;
      if (flag === "x") readPax(await this.#readExtension(), extended);
      else if (flag === "L") extended.set("path", textOf(await this.#readExtension()));
      else if (flag === "K") extended.set("linkpath", textOf(await this.#readExtension()));
      else if (flag !== "g") return this.#entry(header, flag, extended);
    }
  }

  /** The next piece of the current entry's content, or null at its end. */
  async readSome(): Promise<Buffer | null> {
    if (this.#left === 0) return null;
    const piece = await this.#bytes.readSome(this.#left);
    if (piece === null) throw truncated();
    this.#left -= piece.length;
    return piece;
  }

  #entry(header: Buffer, flag: string, extended: ReadonlyMap<string, string>): TarEntry {
    const path = extended.get("path") ?? pathOf(header);
    const type = path.endsWith("/") && flag !== "5" ? "directory" : typeOf(flag);
    const entry = {
      path,
      type,
      size: this.#left,
      linkPath: extended.get("linkpath") ?? textOf(header.subarray(157, 257)),
    };
    if (flag === "S" || [...extended.keys()].some((key) => key.startsWith("GNU.sparse.")))
      return { ...entry, type: "other" };
    return entry;
  }

  async #readHeader(): Promise<Buffer | null> {
    const header = await this.#bytes.read(blockSize);
    // An archive may end without its two zero blocks: some writers forget them.
    if (header.length === 0 || isZero(header)) return null;
    if (header.length < blockSize) throw truncated();
    if (!hasChecksum(header)) {
      throw new EngineError("corrupt", `no tar header at byte ${this.#bytes.position - blockSize}`);
    }
    return header;
  }

  async #readExtension(): Promise<Buffer> {
    if (this.#left > extensionLimit) throw new EngineError("corrupt", `tar header of ${this.#left} bytes is too large`);
    const bytes = await this.#bytes.read(this.#left);
    if (bytes.length < this.#left) throw truncated();
    this.#left = 0;
    return bytes;
  }

  async #skipBody(): Promise<void> {
    const wanted = this.#left + this.#padding;
    // The padding of the very last entry may be missing, its content may not.
    if ((await this.#bytes.skip(wanted)) < this.#left) throw truncated();
    this.#left = 0;
    this.#padding = 0;
  }
}

function truncated(): EngineError {
  return new EngineError("corrupt", "the tar ends in the middle of an entry");
}

function typeOf(flag: string): TarEntryType {
  if (flag === "0" || flag === "\0" || flag === "7") return "file";
  if (flag === "1") return "hardlink";
  if (flag === "2") return "symlink";
  return flag === "5" ? "directory" : "other";
}

function pathOf(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  const isPosix = header.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isPosix ? textOf(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function sizeOf(header: Buffer, extended: ReadonlyMap<string, string>, flag: string): number {
  const isExtension = flag === "x" || flag === "g" || flag === "L" || flag === "K";
  const text = isExtension ? undefined : extended.get("size");
  const size = text === undefined ? numberOf(header.subarray(124, 136)) : Number(text);
  if (!Number.isSafeInteger(size) || size < 0) throw new EngineError("corrupt", "a tar entry has a nonsensical size");
  // Links and directories carry no content, whatever their size says.
  return "12345".includes(flag) ? 0 : size;
}

/** Octal text, or big-endian binary where the first bit is set (GNU). */
function numberOf(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) === 0) {
    const text = textOf(field).trim();
    return text === "" ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
  }
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, (field[0] ?? 0) & 0x7f);
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end === -1 ? field.length : end);
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function hasChecksum(header: Buffer): boolean {
  let sum = 8 * 0x20;
  for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum === numberOf(header.subarray(148, 156));
}

/** Records of the form "<length> <key>=<value>\n", length in bytes and counting itself. */
function readPax(bytes: Buffer, into: Map<string, string>): void {
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString("latin1", at, space === -1 ? at : space));
    const equals = bytes.indexOf(0x3d, space);
    const end = at + length;
    const isRecord =
      space !== -1 && Number.isSafeInteger(length) && equals > space && equals < end && end <= bytes.length;
    if (!isRecord) throw new EngineError("corrupt", "a pax header of the tar is malformed");
    into.set(bytes.toString("utf8", space + 1, equals), bytes.toString("utf8", equals + 1, end - 1));
    at = end;
  }
}
