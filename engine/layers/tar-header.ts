import type { BytePath } from "../lib/byte-path.ts";
import type { TarEntryType } from "./tar-entry.ts";

/** One member of an archive to be written. Strings are bytes (BytePath). */
export type TarMember = {
  readonly type: TarEntryType;
  /** Relative; without a slash at its end, also of a directory. */
  readonly path: BytePath;
  /** Target of a link, else empty. */
  readonly linkPath: BytePath;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Modification time. */
  readonly seconds: number;
  readonly major: number;
  readonly minor: number;
  /** Bytes that follow; files only. */
  readonly size: number;
  readonly xattrs: readonly (readonly [name: string, value: Buffer])[];
};

const blockSize = 512;
const typeFlags: Readonly<Record<TarEntryType, string>> = {
  file: "0",
  link: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
/** Seven and eleven octal digits. */
const largestID = 0o7777777;
const largestNumber = 0o77777777777;

/** The header blocks of a member: ustar, with a pax header before it for what does not fit (pax(1), "ustar Interchange Format"). */
export function formatHeader(member: TarMember): Buffer {
  const path = member.type === "directory" && !member.path.endsWith("/") ? `${member.path}/` : member.path;
  const split = splitPath(path);
  const records = new Map<string, string>();
  if (split === null) records.set("path", path);
  if (member.linkPath.length > 100) records.set("linkpath", member.linkPath);
  if (member.size > largestNumber) records.set("size", String(member.size));
  if (member.uid > largestID) records.set("uid", String(member.uid));
  if (member.gid > largestID) records.set("gid", String(member.gid));
  if (member.seconds < 0 || member.seconds > largestNumber) records.set("mtime", String(member.seconds));
  for (const [name, value] of member.xattrs) records.set(`SCHILY.xattr.${name}`, value.toString("latin1"));
  const block = headerBlock(member, split ?? { prefix: "", name: path.slice(0, 100) });
  return records.size === 0 ? block : Buffer.concat([...paxBlocks(records, member), block]);
}

/** Zeros that fill the last block of `size` bytes. */
export function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

/** Null where the path does not fit into 155 bytes, a slash and 100 bytes. */
function splitPath(path: BytePath): { prefix: string; name: string } | null {
  if (path.length <= 100) return { prefix: "", name: path };
  const slash = path.indexOf("/", path.length - 101);
  if (slash < 1 || slash > 155 || slash === path.length - 1) return null;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

function paxBlocks(records: ReadonlyMap<string, string>, member: TarMember): Buffer[] {
  const body = Buffer.from([...records].map(([key, value]) => paxRecord(key, value)).join(""), "latin1");
  const name = `PaxHeaders.0/${member.path.slice(member.path.lastIndexOf("/") + 1)}`.slice(0, 100);
  const header = headerBlock(
    { ...member, type: "file", linkPath: "", mode: 0, uid: 0, gid: 0, seconds: 0, size: body.length },
    { prefix: "", name },
  );
  header[156] = 0x78;
  writeChecksum(header);
  return [header, body, Buffer.alloc(paddingOf(body.length))];
}

/** Its length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

function headerBlock(member: TarMember, { prefix, name }: { prefix: string; name: string }): Buffer {
  const block = Buffer.alloc(blockSize);
  const isDevice = member.type === "character" || member.type === "block";
  block.write(name, 0, "latin1");
  writeOctal(block, { at: 100, digits: 7, value: member.mode & 0o7777 });
  writeOctal(block, { at: 108, digits: 7, value: fitting(member.uid, largestID) });
  writeOctal(block, { at: 116, digits: 7, value: fitting(member.gid, largestID) });
  writeOctal(block, { at: 124, digits: 11, value: fitting(member.size, largestNumber) });
  writeOctal(block, { at: 136, digits: 11, value: fitting(member.seconds, largestNumber) });
  block.write(typeFlags[member.type], 156);
  block.write(member.linkPath.slice(0, 100), 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  writeOctal(block, { at: 329, digits: 7, value: isDevice ? member.major : 0 });
  writeOctal(block, { at: 337, digits: 7, value: isDevice ? member.minor : 0 });
  block.write(prefix, 345, "latin1");
  writeChecksum(block);
  return block;
}

/** A number that a pax record tells instead is 0 in the header. */
function fitting(value: number, largest: number): number {
  return value < 0 || value > largest ? 0 : value;
}

function writeOctal(block: Buffer, field: { readonly at: number; readonly digits: number; readonly value: number }) {
  block.write(field.value.toString(8).padStart(field.digits, "0"), field.at, "latin1");
}

function writeChecksum(block: Buffer): void {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}
