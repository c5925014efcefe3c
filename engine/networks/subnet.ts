import { createHash } from "node:crypto";
import { formatIPv4, overlaps, parseSubnet, type Subnet, sizeOf } from "../lib/ipv4.ts";

/** The addresses of one bridge: its own is the first, the containers' are the rest. */
export type BridgeSubnet = {
  readonly subnet: Subnet;
  readonly gateway: string;
  readonly prefixLength: number;
};

/**
 * A Linux bridge takes 1,023 ports (BR_MAX_PORTS), so a /22 with its 1,021 addresses is as much as one can use, and a small
 * piece of address space clashes with fewer VPNs than docker's /16.
 */
const prefixLength = 22;

/** Private space that neither docker (172.17-31, 192.168) nor podman (10.88, 10.89) begins with; theirs are the last resort. */
const pools = [
  "10.47.0.0/16",
  "10.113.0.0/16",
  "10.187.0.0/16",
  "10.211.0.0/16",
  "172.30.0.0/16",
  "192.168.192.0/18",
  "198.18.0.0/16",
];

/**
 * The first piece that touches none of `taken`, or null. The default engine (empty instance) looks from the first; others begin
 * where their instance's hash says, so that engines started at the same moment do not pick the same.
 */
export function chooseSubnet(taken: readonly Subnet[], instance: string): Subnet | null {
  const candidates = pools.flatMap(piecesOf);
  const seed = createHash("sha256").update(instance).digest().readUInt32BE(0);
  const first = instance === "" ? 0 : seed % candidates.length;
  const ordered = [...candidates.slice(first), ...candidates.slice(0, first)];
  return ordered.find((candidate) => !taken.some((other) => overlaps(candidate, other))) ?? null;
}

function piecesOf(pool: string): Subnet[] {
  const whole = parseSubnet(pool);
  if (whole === null) return [];
  const count = sizeOf(whole.prefixLength) / sizeOf(prefixLength);
  return Array.from({ length: count }, (_, index) => ({
    base: whole.base + index * sizeOf(prefixLength),
    prefixLength,
  }));
}

export function bridgeSubnetOf(subnet: Subnet): BridgeSubnet {
  return { subnet, gateway: formatIPv4(subnet.base + 1), prefixLength: subnet.prefixLength };
}

/** Locally administered, and always the same for an address, so that a neighbour's ARP cache is right when the address comes again. */
export function macAddressOf(ipAddress: string): string {
  const octets = ipAddress.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return ["02", "47", ...octets].join(":");
}

/** Hands out addresses in turn, so that one just given back rests before it is used again. */
export class AddressLeases {
  readonly #first: number;
  readonly #last: number;
  readonly #leased = new Set<number>();
  #next: number;

  constructor(subnet: Subnet) {
    // Without the network's, the bridge's and the broadcast address.
    this.#first = subnet.base + 2;
    this.#last = subnet.base + sizeOf(subnet.prefixLength) - 2;
    this.#next = this.#first;
  }

  /** A free address, or null when all are taken. */
  take(): number | null {
    const count = this.#last - this.#first + 1;
    for (let tries = 0; tries < count; tries += 1) {
      const address = this.#next;
      this.#next = address === this.#last ? this.#first : address + 1;
      if (this.#leased.has(address)) continue;
      this.#leased.add(address);
      return address;
    }
    return null;
  }

  /** Marks an address that is in use already. */
  hold(address: number): void {
    this.#leased.add(address);
  }

  release(address: number): void {
    this.#leased.delete(address);
  }
}
