const decimalUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** Sizes as docker's `ps` and `images` show them: powers of 1000, three digits: `7.8MB`, `117MB`. */
export function formatBytes(bytes: number): string {
  return scale(bytes, { base: 1000, digits: 3, units: decimalUnits });
}

/** The same with four digits, as docker's progress and `system df` have them: `14.57MB`. */
export function formatBytesFinely(bytes: number): string {
  return scale(bytes, { base: 1000, digits: 4, units: decimalUnits });
}

/** Sizes as docker's `stats` shows them: powers of 1024, four digits: `1.945MiB`. */
export function formatBinaryBytes(bytes: number): string {
  return scale(bytes, { base: 1024, digits: 4, units: binaryUnits });
}

type Scale = { readonly base: number; readonly digits: number; readonly units: readonly string[] };

function scale(bytes: number, { base, digits, units }: Scale): string {
  let value = bytes;
  let unit = 0;
  // Docker writes 999.9 kB as 1e+03kB; rounding before the unit is chosen makes it 1MB.
  while (Math.abs(rounded(value, digits)) >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return `${rounded(value, digits)}${units[unit]}`;
}

function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}
