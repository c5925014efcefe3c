import { EngineError } from "../errors.ts";
import type { BytePath } from "../lib/byte-path.ts";
import { decimal, decimalTime, numberField, stringField, type TarTime } from "./tar-numbers.ts";
import type { PaxRecords } from "./tar-pax.ts";
import { type SparseMap, sparseOf } from "./tar-sparse.ts";

export type TarEntryType = "file" | "link" | "symlink" | "character" | "block" | "directory" | "fifo";

/** One member of an archive, extensions applied. Strings are bytes (BytePath), as they stand in the tar: nothing is checked or cleaned. */
export type TarEntry = {
  readonly type: TarEntryType;
  readonly path: BytePath;
  readonly linkPath: BytePath;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly time: TarTime;
  readonly major: number;
  readonly minor: number;
  /** Bytes in the archive. */
  readonly size: number;
  /** Null: the bytes in the archive are the file. */
  readonly sparse: SparseMap | null;
  readonly xattrs: readonly (readonly [name: string, value: Buffer])[];
};

/** What `L` and `K` members (GNU) said of the next one. */
export type GnuLongNames = { readonly path: string | null; readonly linkPath: string | null };

const types: Readonly<Record<string, TarEntryType>> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  S: "file",
  "1": "link",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  D: "directory",
  "6": "fifo",
};

const maximumID = 0xfffffffe;

export function typeFlagOf(block: Buffer): string {
  return block.toString("latin1", 156, 157);
}

/** The path a header alone gives: name and, where the format has one, prefix. */
export function headerPath(block: Buffer): BytePath {
  const name = stringField(block, 0, 100);
  if (block.toString("latin1", 257, 263) !== "ustar\0") return name;
  const prefix = stringField(block, 345, block.toString("latin1", 508, 512) === "tar\0" ? 131 : 155);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Puts header, GNU long names and pax records together (pax(1), "Extended Header"; GNU tar manual, "Basic Tar Format"). */
export function readEntry(block: Buffer, long: GnuLongNames, pax: PaxRecords): TarEntry {
  const flag = typeFlagOf(block);
  const sparse = sparseOf(block, pax);
  const path = pax.get("GNU.sparse.name") ?? pax.get("path") ?? long.path ?? headerPath(block);
  const named = types[flag];
  if (named === undefined) throw new EngineError("corrupt", `it has the unknown type ${JSON.stringify(flag)}`);
  // Before POSIX a directory was a file whose name ends with a slash.
  const type = named === "file" && path.endsWith("/") ? "directory" : named;
  const size = number(pax, "size", () => numberField(block, 124, 12));
  if (size < 0) throw new EngineError("corrupt", "its size is negative");
  const hasBytes = named === "file" || flag === "D";
  return {
    type,
    path,
    linkPath: pax.get("linkpath") ?? long.linkPath ?? stringField(block, 157, 100),
    mode: numberField(block, 100, 8) & 0o7777,
    uid: owner(number(pax, "uid", () => numberField(block, 108, 8))),
    gid: owner(number(pax, "gid", () => numberField(block, 116, 8))),
    time: timeOf(block, pax),
    major: type === "character" || type === "block" ? numberField(block, 329, 8) : 0,
    minor: type === "character" || type === "block" ? numberField(block, 337, 8) : 0,
    // As in most readers: links, devices and directories carry no bytes, whatever the field says.
    size: hasBytes ? size : 0,
    sparse: type === "file" ? sparse : null,
    xattrs: xattrsOf(pax),
  };
}

function number(pax: PaxRecords, key: string, header: () => number): number {
  const record = pax.get(key);
  return record === undefined ? header() : decimal(record, `its pax record ${key}`);
}

function owner(id: number): number {
  // 2^32-1 means "leave as it is" to chown(2).
  if (id < 0 || id > maximumID) throw new EngineError("corrupt", `its owner ${id} is not possible`);
  return id;
}

function timeOf(block: Buffer, pax: PaxRecords): TarTime {
  const record = pax.get("mtime");
  return record === undefined ? { seconds: numberField(block, 136, 12), nanoseconds: 0 } : decimalTime(record);
}

function xattrsOf(pax: PaxRecords): TarEntry["xattrs"] {
  if (pax.size === 0) return [];
  const found = new Map<string, Buffer>();
  for (const [key, value] of pax) {
    if (key.startsWith("LIBARCHIVE.xattr.")) {
      found.set(percentDecoded(key.slice("LIBARCHIVE.xattr.".length)), Buffer.from(value, "base64"));
    }
  }
  for (const [key, value] of pax) {
    if (key.startsWith("SCHILY.xattr.")) found.set(key.slice("SCHILY.xattr.".length), Buffer.from(value, "latin1"));
  }
  return [...found];
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
