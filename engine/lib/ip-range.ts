import { isIPv4, isIPv6 } from "node:net";

/** An address of either family as a number of 32 or 128 bits. */
export type IPAddress = { readonly family: 4 | 6; readonly value: bigint };
/** A network: `base` is its first address. */
export type IPRange = { readonly family: 4 | 6; readonly base: bigint; readonly prefixLength: number };

/** Null for what is no address. */
export function parseAddress(text: string): IPAddress | null {
  if (isIPv4(text))
    return { family: 4, value: text.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n) };
  if (!isIPv6(text) || text.includes("%")) return null;
  const [head = "", tail] = expandMapped(text).split("::");
  const groupsOf = (part: string) => (part === "" ? [] : part.split(":"));
  const [first, last] = [groupsOf(head), groupsOf(tail ?? "")];
  const gap = tail === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array.from({ length: gap }, () => "0"), ...last];
  return { family: 6, value: groups.reduce((value, group) => value * 65536n + BigInt(`0x${group}`), 0n) };
}

/** `::ffff:192.0.2.1` with its last four bytes as two groups. */
function expandMapped(text: string): string {
  const match = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (match === null) return text;
  const [, head = "", ...octets] = match;
  const [a = 0, b = 0, c = 0, d = 0] = octets.map(Number);
  return `${head}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** IPv6 as RFC 5952 wants it. */
export function formatAddress({ family, value }: IPAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 65535n);
  const text = groups.map((group) => group.toString(16)).join(":");
  const runs = text.match(/(?:^|:)0(?::0)+(?=:|$)/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  const at = text.indexOf(longest);
  const head = text.slice(0, at);
  const tail = text.slice(at + longest.length);
  return `${head}::${tail.replace(/^:/, "")}`;
}

/** The address written in its one way, or null. */
export function normalizeAddress(text: string): string | null {
  const address = parseAddress(text);
  return address === null ? null : formatAddress(address);
}

/** `10.0.0.0/8`, or an address alone; bits below the prefix are cleared. Null for anything else. */
export function parseRange(text: string): IPRange | null {
  const [head = "", prefix, ...rest] = text.split("/");
  const address = parseAddress(head);
  if (address === null || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return null;
  const bits = bitsOf(address.family);
  const prefixLength = prefix === undefined ? bits : Number(prefix);
  if (prefixLength > bits) return null;
  const size = 1n << BigInt(bits - prefixLength);
  return { family: address.family, base: address.value - (address.value % size), prefixLength };
}

export function formatRange({ family, base, prefixLength }: IPRange): string {
  return `${formatAddress({ family, value: base })}/${prefixLength}`;
}

/** Number of addresses in it. */
export function rangeSize({ family, prefixLength }: IPRange): bigint {
  return 1n << BigInt(bitsOf(family) - prefixLength);
}

export function rangesOverlap(one: IPRange, other: IPRange): boolean {
  return (
    one.family === other.family && one.base < other.base + rangeSize(other) && other.base < one.base + rangeSize(one)
  );
}

export function rangeHas(range: IPRange, address: IPAddress): boolean {
  return (
    range.family === address.family && address.value >= range.base && address.value < range.base + rangeSize(range)
  );
}

function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}
