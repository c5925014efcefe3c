import { EngineError } from "../errors.ts";
import { errnoError } from "../host/errno.ts";
import { textOf } from "../lib/byte-path.ts";
import { type GnuLongNames, headerPath, readEntry, type TarEntry, typeFlagOf } from "./tar-entry.ts";
import { hasValidChecksum, isZero, numberField } from "./tar-numbers.ts";
import { noRecords, type PaxRecords, parsePax } from "./tar-pax.ts";
import { checkExtents, continueOldGnu, parseTextMap } from "./tar-sparse.ts";

/** Gets what the parser finds. Bytes are valid for the call only. */
export interface TarSink {
  begin(entry: TarEntry): void;
  /** Bytes for the current entry, in order. `offset` is where they belong in the file. */
  write(offset: number, bytes: Buffer): void;
  end(): void;
}

/** Extended headers and long names are names and attributes: more than this is an attack on memory. */
const metadataLimit = 1024 * 1024;
const noNames: GnuLongNames = { path: null, linkPath: null };

type Phase = "header" | "metadata" | "sparse-blocks" | "sparse-text" | "bytes" | "padding" | "ended";

/**
 * Reads ustar, pax, GNU and old archives, pushed in pieces of any size. Every failure is `corrupt` and names the entry. After the
 * end mark everything is ignored, as GNU tar does.
 */
export class TarParser {
  readonly #sink: TarSink;
  #phase: Phase = "header";
  /** Collects what must be whole before it can be read: a header, metadata, a map. */
  #parts: Buffer[] = [];
  #collected = 0;
  #header: Buffer = Buffer.alloc(0);
  #name = "";
  #names = noNames;
  #pax: PaxRecords = noRecords;
  #entry: TarEntry | null = null;
  /** Bytes of the current member not read yet, and of the padding behind them. */
  #left = 0;
  #padding = 0;
  #zeroBlocks = 0;
  #position = 0;
  #extent = 0;
  #inExtent = 0;
  entries = 0;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    try {
      for (let at = 0; at < chunk.length; ) at += this.#step(chunk.subarray(at));
    } catch (error) {
      throw this.#name === "" ? error : errnoError(`entry ${textOf(this.#name)}`, error);
    }
  }

  /**
   * To be called when the input has ended. An archive may lack the end mark, and what fills the last member's block, as the contexts that
   * docker's client packs anew do; but not a part of a member.
   */
  finish(): void {
    const isUnfilled = this.#phase === "padding" && this.#padding < 512;
    const isBetween = isUnfilled || (this.#phase === "header" && this.#collected === 0);
    if (this.#phase === "ended" || (isBetween && this.#names === noNames && this.#pax === noRecords)) return;
    const where = this.#name === "" ? "" : ` in entry ${textOf(this.#name)}`;
    throw new EngineError("corrupt", `the tar is truncated${where}`);
  }

  /** Takes some bytes and says how many. */
  #step(bytes: Buffer): number {
    switch (this.#phase) {
      case "header":
        return this.#gather(bytes, 512, (block) => this.#readHeader(block));
      case "metadata":
        return this.#gather(bytes, this.#left, (whole) => this.#readMetadata(whole));
      case "sparse-blocks":
        return this.#gather(bytes, 512, (block) => this.#readSparseBlock(block));
      case "sparse-text":
        return this.#gather(bytes, this.#collected + 512, (text) => this.#readSparseText(text), true);
      case "bytes":
        return this.#passBytes(bytes);
      case "padding":
        return this.#skipPadding(bytes);
      case "ended":
        return bytes.length;
    }
  }

  /** Calls `then` once `size` bytes are together; `keep` leaves them for the next call to add to. */
  #gather(bytes: Buffer, size: number, then: (whole: Buffer) => void, keep = false): number {
    const rest = keep ? 512 - (this.#collected % 512) : size - this.#collected;
    const part = bytes.subarray(0, rest);
    if (part.length === size && !keep) {
      then(part);
      return size;
    }
    this.#parts.push(Buffer.from(part));
    this.#collected += part.length;
    if (part.length < rest) return part.length;
    const whole = Buffer.concat(this.#parts, this.#collected);
    if (keep) this.#parts = [whole];
    else this.#dropGathered();
    then(whole);
    return part.length;
  }

  #dropGathered(): void {
    this.#parts = [];
    this.#collected = 0;
  }

  #readHeader(block: Buffer): void {
    this.#zeroBlocks = isZero(block) ? this.#zeroBlocks + 1 : 0;
    if (this.#zeroBlocks === 2) this.#phase = "ended";
    if (this.#zeroBlocks > 0) return;
    if (!hasValidChecksum(block)) throw this.#badChecksum();
    const flag = typeFlagOf(block);
    this.#name = this.#pax.get("path") ?? this.#names.path ?? headerPath(block);
    this.#header = Buffer.from(block);
    if ("xXgLKV".includes(flag)) this.#beginMetadata(flag);
    else this.#beginEntry();
  }

  #beginEntry(): void {
    const entry = readEntry(this.#header, this.#names, this.#pax);
    this.#name = entry.path;
    this.#entry = entry;
    this.#left = entry.size;
    this.#padding = paddingOf(entry.size);
    if (entry.sparse?.more === "blocks") this.#phase = "sparse-blocks";
    else if (entry.sparse?.more === "text") this.#phase = "sparse-text";
    else this.#beginBytes(entry);
  }

  #badChecksum(): EngineError {
    if (this.entries === 0 && this.#name === "") return new EngineError("corrupt", "this is no tar archive");
    const after = this.#name === "" ? "" : " after it";
    return new EngineError("corrupt", `the header${after} has a wrong checksum`);
  }

  #beginMetadata(flag: string): void {
    const size = numberField(this.#header, 124, 12);
    const isSkipped = flag === "g" || flag === "V";
    if (size < 0 || (size > metadataLimit && !isSkipped)) {
      throw new EngineError("corrupt", `its extended header of ${size} bytes is larger than ${metadataLimit}`);
    }
    this.#padding = paddingOf(size);
    this.#left = size;
    if (isSkipped) {
      this.#padding += size;
      this.#phase = "padding";
      return;
    }
    this.#phase = "metadata";
    if (size === 0) this.#readMetadata(Buffer.alloc(0));
  }

  #readMetadata(bytes: Buffer): void {
    const flag = typeFlagOf(this.#header);
    if (flag === "x" || flag === "X") this.#pax = parsePax(bytes);
    else {
      const end = bytes.indexOf(0);
      const value = bytes.toString("latin1", 0, end === -1 ? bytes.length : end);
      this.#names = flag === "L" ? { ...this.#names, path: value } : { ...this.#names, linkPath: value };
    }
    this.#name = this.#pax.get("path") ?? this.#names.path ?? this.#name;
    this.#phase = "padding";
    if (this.#padding === 0) this.#phase = "header";
  }

  #readSparseBlock(block: Buffer): void {
    const entry = this.#entry;
    if (entry?.sparse == null) return;
    const sparse = continueOldGnu(entry.sparse, block);
    this.#entry = { ...entry, sparse };
    if (sparse.more === "none") this.#beginBytes(this.#entry);
  }

  #readSparseText(text: Buffer): void {
    const entry = this.#entry;
    if (entry?.sparse == null) return;
    if (text.length > Math.min(entry.size, metadataLimit))
      throw new EngineError("corrupt", "its sparse map is malformed");
    const parsed = parseTextMap(entry.sparse, text);
    if (parsed === null) return;
    this.#dropGathered();
    this.#left = entry.size - parsed.consumed;
    this.#entry = { ...entry, sparse: parsed.map };
    this.#beginBytes(this.#entry);
  }

  #beginBytes(entry: TarEntry): void {
    if (entry.sparse !== null) checkExtents(entry.sparse, this.#left);
    this.entries++;
    this.#position = entry.sparse?.extents[0]?.offset ?? 0;
    this.#extent = 0;
    this.#inExtent = 0;
    this.#sink.begin(entry);
    this.#phase = "bytes";
    if (this.#left === 0) this.#endEntry();
  }

  #passBytes(bytes: Buffer): number {
    const part = bytes.subarray(0, Math.min(bytes.length, this.#left));
    const sparse = this.#entry?.sparse;
    if (sparse == null) {
      this.#sink.write(this.#position, part);
      this.#position += part.length;
    } else this.#passExtents(part, sparse.extents);
    this.#left -= part.length;
    if (this.#left === 0) this.#endEntry();
    return part.length;
  }

  #passExtents(bytes: Buffer, extents: readonly { readonly offset: number; readonly length: number }[]): void {
    for (let at = 0; at < bytes.length; ) {
      const extent = extents[this.#extent];
      if (extent === undefined) return;
      const part = bytes.subarray(at, at + extent.length - this.#inExtent);
      if (part.length > 0) this.#sink.write(extent.offset + this.#inExtent, part);
      at += part.length;
      this.#inExtent += part.length;
      if (this.#inExtent < extent.length) continue;
      this.#extent++;
      this.#inExtent = 0;
    }
  }

  #endEntry(): void {
    this.#sink.end();
    this.#entry = null;
    this.#names = noNames;
    this.#pax = noRecords;
    this.#phase = this.#padding === 0 ? "header" : "padding";
  }

  #skipPadding(bytes: Buffer): number {
    const skipped = Math.min(bytes.length, this.#padding);
    this.#padding -= skipped;
    if (this.#padding === 0) this.#phase = "header";
    return skipped;
  }
}

function paddingOf(size: number): number {
  return (512 - (size % 512)) % 512;
}
