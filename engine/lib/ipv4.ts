/** An IPv4 network: `base` is its first address as a number of 32 bits, `prefixLength` 0 to 32. */
export type Subnet = { readonly base: number; readonly prefixLength: number };

/** Dotted quad to a number, or null for anything else. */
export function parseIPv4(text: string): number | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const octets = match.slice(1).map(Number);
  if (octets.some((octet) => octet > 255)) return null;
  return octets.reduce((value, octet) => value * 256 + octet, 0);
}

export function formatIPv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** `10.0.0.0/8`, or an address alone as /32; bits below the prefix are cleared. Null for anything else. */
export function parseSubnet(text: string): Subnet | null {
  const [address, prefix, ...rest] = text.split("/");
  const base = parseIPv4(address ?? "");
  if (base === null || rest.length > 0 || (prefix !== undefined && !/^\d{1,2}$/.test(prefix))) return null;
  const prefixLength = prefix === undefined ? 32 : Number(prefix);
  if (prefixLength > 32) return null;
  return { base: base - (base % sizeOf(prefixLength)), prefixLength };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatIPv4(subnet.base)}/${subnet.prefixLength}`;
}

/** Number of addresses with this prefix length. */
export function sizeOf(prefixLength: number): number {
  return 2 ** (32 - prefixLength);
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  return one.base < other.base + sizeOf(other.prefixLength) && other.base < one.base + sizeOf(one.prefixLength);
}
