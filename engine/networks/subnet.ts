import { createHash } from "node:crypto";
import { formatAddress, type IPRange, parseAddress, parseRange, rangeSize, rangesOverlap } from "../lib/ip-range.ts";

/** Space to cut subnets from, and the prefix length of the pieces. */
export type AddressPool = { readonly base: IPRange; readonly size: number };

/**
 * A Linux bridge takes 1,023 ports (BR_MAX_PORTS), so a /22 with its 1,021 addresses is as much as one can use, and a small
 * piece of address space clashes with fewer VPNs than docker's /16.
 */
export const defaultBridgePrefix = 22;
/** Of the networks that users make: more of them, and smaller. */
export const userNetworkPrefix = 24;

/** Private space that neither docker (172.17-31, 192.168) nor podman (10.88, 10.89) begins with; theirs are the last resort. */
const bases = [
  "10.47.0.0/16",
  "10.113.0.0/16",
  "10.187.0.0/16",
  "10.211.0.0/16",
  "172.30.0.0/16",
  "192.168.192.0/18",
  "198.18.0.0/16",
];

export function defaultPools(size: number): AddressPool[] {
  return bases.flatMap((text) => {
    const base = parseRange(text);
    return base === null ? [] : [{ base, size }];
  });
}

/**
 * The first piece that touches none of `taken`, or null. The default engine (empty instance) looks from the first; others begin
 * where their instance's hash says, so that engines started at the same moment do not pick the same.
 */
export function chooseSubnet(
  taken: readonly IPRange[],
  instance: string,
  pools: readonly AddressPool[] = defaultPools(defaultBridgePrefix),
): IPRange | null {
  const candidates = pools.flatMap(piecesOf);
  const seed = createHash("sha256").update(instance).digest().readUInt32BE(0);
  const first = instance === "" || candidates.length === 0 ? 0 : seed % candidates.length;
  const ordered = [...candidates.slice(first), ...candidates.slice(0, first)];
  return ordered.find((candidate) => !taken.some((other) => rangesOverlap(candidate, other))) ?? null;
}

/** A pool of more pieces is cut off there. */
const mostPieces = 4096;

function piecesOf({ base, size }: AddressPool): IPRange[] {
  const bits = base.family === 4 ? 32 : 128;
  if (size < base.prefixLength || size > bits) return [];
  const count = Math.min(2 ** Math.min(size - base.prefixLength, 30), mostPieces);
  const step = 1n << BigInt(bits - size);
  return Array.from({ length: count }, (_, index) => ({
    family: base.family,
    base: base.base + BigInt(index) * step,
    prefixLength: size,
  }));
}

/** A unique local /64 (RFC 4193), the same for the same seed. */
export function chooseSubnet6(taken: readonly IPRange[], seed: string): IPRange | null {
  for (let tries = 0; tries < 16; tries += 1) {
    const hash = createHash("sha256").update(`${seed} ${tries}`).digest("hex");
    const text = `fd${hash.slice(0, 2)}:${hash.slice(2, 6)}:${hash.slice(6, 10)}:${hash.slice(10, 14)}::/64`;
    const range = parseRange(text);
    if (range !== null && !taken.some((other) => rangesOverlap(range, other))) return range;
  }
  return null;
}

/** The bridge's own address where nothing else was asked for. */
export function firstAddressOf(range: IPRange): string {
  return formatAddress({ family: range.family, value: range.base + 1n });
}

/** Whether the subnet has room for a gateway and a container. */
export function isUsable(range: IPRange): boolean {
  return rangeSize(range) >= 4n;
}

/** Locally administered, and always the same for an address, so that a neighbour's ARP cache is right when the address comes again. */
export function macAddressOf(ipAddress: string): string {
  const address = parseAddress(ipAddress);
  const hex =
    address?.family === 4
      ? address.value.toString(16).padStart(8, "0")
      : createHash("sha256").update(ipAddress).digest("hex").slice(0, 8);
  return ["02", "47", ...(hex.match(/../g) ?? [])].join(":");
}
