import { EngineError } from "../errors.ts";
import { decimal, numberField } from "./tar-numbers.ts";
import type { PaxRecords } from "./tar-pax.ts";

/** Where the bytes in the archive belong in the file; all else is a hole. Offsets ascend. */
export type SparseMap = {
  readonly realSize: number;
  readonly extents: { readonly offset: number; readonly length: number }[];
  /** More of the map follows: in blocks after the header (`blocks`), or as text before the bytes (`text`, pax format 1.0). */
  readonly more: "none" | "blocks" | "text";
};

type Extents = SparseMap["extents"];

/** A map larger than this is no file but an attack on memory. */
const maximumExtents = 200_000;

/** The sparse map a header and its pax records tell of, or null (GNU tar manual, "Storing Sparse Files"). */
export function sparseOf(header: Buffer, pax: PaxRecords): SparseMap | null {
  if (header[156] === 0x53 /* S */) {
    const extents = extentsIn(header, 386, 4);
    return { realSize: size(numberField(header, 483, 12)), extents, more: header[482] ? "blocks" : "none" };
  }
  if (pax.get("GNU.sparse.major") === "1") {
    return {
      realSize: size(decimal(pax.get("GNU.sparse.realsize") ?? "", "its sparse size")),
      extents: [],
      more: "text",
    };
  }
  const map = pax.get("GNU.sparse.map");
  if (map === undefined) return null;
  const realSize = size(decimal(pax.get("GNU.sparse.size") ?? "", "its sparse size"));
  return { realSize, extents: pairs(map.split(",")), more: "none" };
}

/** A block of 21 extents that follows a header of the old GNU format. */
export function continueOldGnu(map: SparseMap, block: Buffer): SparseMap {
  map.extents.push(...extentsIn(block, 0, 21));
  if (map.extents.length > maximumExtents) throw tooMany();
  return { ...map, more: block[504] ? "blocks" : "none" };
}

/**
 * Reads the text map of format 1.0: the count, then offset and length of each, a number a line, padded to whole blocks. Null: `bytes`
 * does not hold all of it yet.
 */
export function parseTextMap(map: SparseMap, bytes: Buffer): { map: SparseMap; consumed: number } | null {
  const first = bytes.indexOf(0x0a);
  if (first === -1 && bytes.length >= 512) throw malformed();
  if (first === -1) return null;
  const count = decimal(bytes.toString("latin1", 0, first), "its sparse map");
  if (count < 0 || count > maximumExtents) throw tooMany();
  let end = first;
  for (let line = 0; line < count * 2; line++) {
    end = bytes.indexOf(0x0a, end + 1);
    if (end === -1) return null;
  }
  const consumed = Math.ceil((end + 1) / 512) * 512;
  if (bytes.length < consumed) return null;
  const numbers = count === 0 ? [] : bytes.toString("latin1", first + 1, end).split("\n");
  return { map: { ...map, extents: pairs(numbers), more: "none" }, consumed };
}

/** Fails with `corrupt` unless the extents ascend, lie within the file, and hold exactly the bytes that follow. */
export function checkExtents(map: SparseMap, bytes: number): void {
  let at = 0;
  let total = 0;
  for (const { offset, length } of map.extents) {
    if (offset < at || length < 0 || offset + length > map.realSize) throw malformed();
    at = offset + length;
    total += length;
  }
  if (total !== bytes) throw malformed();
}

function extentsIn(block: Buffer, start: number, count: number): Extents {
  const extents: Extents = [];
  for (let at = start; at < start + count * 24 && block[at] !== 0; at += 24) {
    extents.push({ offset: numberField(block, at, 12), length: numberField(block, at + 12, 12) });
  }
  return extents;
}

function pairs(numbers: readonly string[]): Extents {
  if (numbers.length > maximumExtents * 2) throw tooMany();
  if (numbers.length % 2 !== 0) throw malformed();
  const extents: Extents = [];
  for (let at = 0; at < numbers.length; at += 2) {
    const offset = decimal(numbers[at] ?? "", "its sparse map");
    extents.push({ offset, length: decimal(numbers[at + 1] ?? "", "its sparse map") });
  }
  return extents;
}

function size(value: number): number {
  if (value < 0) throw new EngineError("corrupt", "its sparse size is negative");
  return value;
}

function malformed(): EngineError {
  return new EngineError("corrupt", "its sparse map is malformed");
}

function tooMany(): EngineError {
  return new EngineError("corrupt", `its sparse map has more than ${maximumExtents} parts`);
}
