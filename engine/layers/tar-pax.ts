import { EngineError } from "../errors.ts";

/** Records of a pax extended header, as bytes. The two repeated keys of GNU sparse 0.0 are gathered, joined by commas. */
export type PaxRecords = ReadonlyMap<string, string>;

export const noRecords: PaxRecords = new Map();

const isPath = /^(path|linkpath|GNU\.sparse\.name)$/;

/** Parses `<length> <key>=<value>\n` records (pax(1), "pax Extended Header"). Fails with `corrupt`. */
export function parsePax(bytes: Buffer): PaxRecords {
  const records = new Map<string, string>();
  const sparse: string[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const { key, value, end } = parseRecord(bytes, at);
    if (isPath.test(key) && value.includes("\0")) throw new EngineError("corrupt", `pax record ${key} holds a NUL`);
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") sparse.push(value);
    // An empty value takes back what a header before said; the header's own field is all there is here.
    else if (value === "" && !key.includes(".xattr.")) records.delete(key);
    else records.set(key, value);
    at = end;
  }
  if (sparse.length > 0) records.set("GNU.sparse.map", sparse.join(","));
  return records;
}

function parseRecord(bytes: Buffer, at: number): { key: string; value: string; end: number } {
  const end = at + recordLength(bytes, at);
  const start = bytes.indexOf(0x20, at) + 1;
  const equals = bytes.indexOf(0x3d, start);
  if (end > bytes.length || bytes[end - 1] !== 0x0a || equals <= start || equals >= end) throw malformed();
  const value = bytes.toString("latin1", equals + 1, end - 1);
  return { key: bytes.toString("latin1", start, equals), value, end };
}

function recordLength(bytes: Buffer, at: number): number {
  const space = bytes.indexOf(0x20, at);
  const digits = space === -1 || space - at > 9 ? "" : bytes.toString("latin1", at, space);
  if (!/^[1-9]\d*$/.test(digits)) throw malformed();
  return Number(digits);
}

function malformed(): EngineError {
  return new EngineError("corrupt", "its pax header is malformed");
}
