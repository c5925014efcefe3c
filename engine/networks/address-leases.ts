import { EngineError } from "../errors.ts";
import {
  formatAddress,
  formatRange,
  type IPAddress,
  type IPRange,
  parseAddress,
  rangeHas,
  rangeSize,
} from "../lib/ip-range.ts";

export type LeaseOptions = {
  /** Addresses are chosen from here; null: from the whole subnet. */
  readonly ipRange?: IPRange | null;
  /** Never given to anyone. */
  readonly gateway?: string;
  /** Nor these. */
  readonly reserved?: readonly string[];
};

/** Addresses of one subnet. Hands them out in turn, so that one just given back rests before it is used again. */
export class AddressLeases {
  readonly subnet: IPRange;
  readonly #reserved: ReadonlySet<bigint>;
  readonly #first: bigint;
  readonly #last: bigint;
  readonly #leased = new Set<bigint>();
  #next: bigint;

  constructor(subnet: IPRange, options: LeaseOptions = {}) {
    this.subnet = subnet;
    const last = subnet.base + rangeSize(subnet) - 1n;
    const kept = [options.gateway ?? "", ...(options.reserved ?? [])].flatMap((text) => parseAddress(text) ?? []);
    // IPv6 has no broadcast address; its first is the routers' anycast.
    this.#reserved = new Set([subnet.base, ...(subnet.family === 4 ? [last] : []), ...kept.map(({ value }) => value)]);
    const from = options.ipRange ?? subnet;
    this.#first = from.base;
    this.#last = from.base + rangeSize(from) - 1n;
    this.#next = this.#first;
  }

  /** A free address, or null when all are taken. */
  take(): string | null {
    const count = this.#last - this.#first + 1n;
    for (let tries = 0n; tries < count; tries += 1n) {
      const value = this.#next;
      this.#next = value === this.#last ? this.#first : value + 1n;
      if (this.#reserved.has(value) || this.#leased.has(value)) continue;
      this.#leased.add(value);
      return formatAddress({ family: this.subnet.family, value });
    }
    return null;
  }

  /** Whether this address can be given to a container here at all. */
  admits(address: IPAddress): boolean {
    return rangeHas(this.subnet, address) && !this.#reserved.has(address.value);
  }

  /** Takes this one; false where somebody has it. */
  claim(text: string): boolean {
    const address = parseAddress(text);
    if (address === null || this.#leased.has(address.value) || this.#reserved.has(address.value)) return false;
    this.#leased.add(address.value);
    return true;
  }

  release(text: string): void {
    const address = parseAddress(text);
    if (address !== null) this.#leased.delete(address.value);
  }
}

/** An address of these, the asked one where one is. Fails with `failed-precondition` or `resource-exhausted`. */
export function leaseOne(network: string, leases: AddressLeases, asked: string | null): string {
  if (asked !== null) {
    if (leases.claim(asked)) return asked;
    throw new EngineError("failed-precondition", `address ${asked} on network ${network} is already in use`, {
      hint: `gantry network inspect ${network} shows who has which address`,
      exitCode: 125,
    });
  }
  const address = leases.take();
  if (address !== null) return address;
  throw new EngineError(
    "resource-exhausted",
    `no address is left in ${formatRange(leases.subnet)} of network ${network} for another container`,
    { hint: "remove containers that are not needed, or put it on another network", exitCode: 125 },
  );
}
