import { EngineError } from "../../errors.ts";
import type { FoundPackage } from "./found-package.ts";

/** Tags of rpm's headers (rpm, lib/rpmtag.h). */
const tags = { name: 1000, version: 1001, release: 1002, epoch: 1003, vendor: 1011, license: 1014, architecture: 1022 };
const sourceTag = 1044;
const types = { int32: 4, string: 6, i18nString: 9 };
const entrySize = 16;
/** Bytes of both counts at the beginning. */
const introSize = 8;

/**
 * A package's header as rpm's database holds it (rpm, docs/manual/hregions.md): a count of index entries and one of bytes of data, big-endian,
 * then the entries (tag, type, offset, count), then the data. Null for a key that is no package. Fails with `corrupt`.
 */
export function parseRpmHeader(blob: Uint8Array, source: string): FoundPackage | null {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  const fields = readFields(bytes);
  const text = (tag: number): string => String(fields.get(tag) ?? "");
  const name = text(tags.name);
  // Keys of signers.
  if (name === "" || name === "gpg-pubkey") return null;
  const epoch = fields.get(tags.epoch);
  const version = `${text(tags.version)}-${text(tags.release)}`;
  return {
    ...{ type: "rpm", name, source, origin: originOf(text(sourceTag)) },
    version: epoch === undefined || epoch === 0 ? version : `${epoch}:${version}`,
    architecture: text(tags.architecture),
    license: text(tags.license),
    supplier: text(tags.vendor),
  };
}

function readFields(bytes: Buffer): ReadonlyMap<number, string | number> {
  if (bytes.length < introSize) throw broken();
  const count = bytes.readUInt32BE(0);
  const dataAt = introSize + count * entrySize;
  if (dataAt + bytes.readUInt32BE(4) > bytes.length) throw broken();
  const wanted = new Set([...Object.values(tags), sourceTag]);
  const fields = new Map<number, string | number>();
  for (let at = introSize; at < dataAt; at += entrySize) {
    const tag = bytes.readUInt32BE(at);
    if (!wanted.has(tag)) continue;
    const type = bytes.readUInt32BE(at + 4);
    const place = dataAt + bytes.readUInt32BE(at + 8);
    const value = readValue(bytes, type, place);
    if (value !== null) fields.set(tag, value);
  }
  return fields;
}

function readValue(bytes: Buffer, type: number, place: number): string | number | null {
  if (type === types.int32) {
    if (place + 4 > bytes.length) throw broken();
    return bytes.readUInt32BE(place);
  }
  if (type !== types.string && type !== types.i18nString) return null;
  const end = bytes.indexOf(0, place);
  if (place > bytes.length || end === -1) throw broken();
  return bytes.toString("utf8", place, end);
}

/** `bash-5.2.15-3.fc38.src.rpm` */
function originOf(sourcePackage: string): string {
  return /^(.+)-[^-]+-[^-]+\.(?:no)?src\.rpm$/.exec(sourcePackage)?.[1] ?? "";
}

function broken(): EngineError {
  return new EngineError("corrupt", "a header of rpm's database is broken");
}
