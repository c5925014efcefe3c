import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LayerSource } from "../../engine/layers/layer-store.ts";
import type { DiffID } from "../../engine/oci/digest.ts";

/** One member of a tar, however wrong. Text may hold one character a byte. */
export type TarItem = {
  readonly path: string;
  /** Type flag; default `0`, or `5` where the path ends with a slash. */
  readonly type?: string;
  readonly data?: string | Buffer;
  readonly linkPath?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  /** Said instead of the true size: a number, or the 12 bytes of the field. */
  readonly size?: number | Buffer;
  readonly magic?: string;
  readonly prefix?: string;
  /** Changes the header before its checksum is made. */
  readonly patch?: (header: Buffer) => void;
  readonly badChecksum?: boolean;
};

export type MadeTar = { readonly bytes: Buffer; readonly diffID: DiffID };

/** A tar of these members in this order; a plain object makes files by path. Its end mark is left out with `end: false`. */
export function tarOf(items: readonly TarItem[] | Readonly<Record<string, string>>, options = { end: true }): MadeTar {
  const list = Array.isArray(items) ? (items as readonly TarItem[]) : filesOf(items as Record<string, string>);
  const parts = list.flatMap((item) => membersOf(item));
  const bytes = Buffer.concat(options.end ? [...parts, Buffer.alloc(1024)] : parts);
  return madeOf(bytes);
}

export function madeOf(bytes: Buffer): MadeTar {
  return { bytes, diffID: `sha256:${createHash("sha256").update(bytes).digest("hex")}` as DiffID };
}

let written = 0;

/** Puts the bytes into a file of their own in `directory`. */
export function sourceOf(tar: MadeTar | Buffer, directory: string): LayerSource {
  const path = join(directory, `source-${process.pid}-${written++}.tar`);
  writeFileSync(path, Buffer.isBuffer(tar) ? tar : tar.bytes);
  return { path };
}

/** A pax extended header's records. */
export function paxRecords(records: Readonly<Record<string, string | Buffer>>): Buffer {
  return Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from("\n")]);
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
      return Buffer.concat([Buffer.from(String(length)), rest]);
    }),
  );
}

function filesOf(files: Record<string, string>): TarItem[] {
  const directories = new Set<string>();
  for (const path of Object.keys(files)) {
    const parts = path.split("/").slice(0, -1);
    for (let length = 1; length <= parts.length; length++) directories.add(`${parts.slice(0, length).join("/")}/`);
  }
  return [
    ...[...directories].map((path) => ({ path })),
    ...Object.entries(files).map(([path, data]) => ({ path, data })),
  ];
}

function membersOf(item: TarItem): Buffer[] {
  const before = item.pax === undefined ? [] : membersOf({ path: "pax", type: "x", data: paxRecords(item.pax) });
  const data = Buffer.from((item.data ?? "") as string);
  return [...before, headerOf(item, data.length), data, Buffer.alloc((512 - (data.length % 512)) % 512)];
}

function headerOf(item: TarItem, size: number): Buffer {
  const header = Buffer.alloc(512);
  const isDirectory = item.path.endsWith("/");
  header.write(item.path.slice(0, 100), 0, "latin1");
  header.write(octal(item.mode ?? (isDirectory ? 0o755 : 0o644), 7), 100);
  header.write(octal(item.uid ?? 0, 7), 108);
  header.write(octal(item.gid ?? 0, 7), 116);
  if (Buffer.isBuffer(item.size)) item.size.copy(header, 124);
  else header.write(octal(item.size ?? size, 11), 124);
  header.write(octal(item.mtime ?? 1_000_000_000, 11), 136);
  header.write(item.type ?? (isDirectory ? "5" : "0"), 156, "latin1");
  header.write((item.linkPath ?? "").slice(0, 100), 157, "latin1");
  header.write(item.magic ?? "ustar\x0000", 257, "latin1");
  header.write(octal(item.major ?? 0, 7), 329);
  header.write(octal(item.minor ?? 0, 7), 337);
  if (item.prefix !== undefined) header.write(item.prefix, 345, "latin1");
  item.patch?.(header);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(item.badChecksum ? sum + 1 : sum, 6)}\0 `, 148);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
