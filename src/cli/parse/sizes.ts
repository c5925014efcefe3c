import { UsageError } from "./usage-error.ts";

const exponents: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `512m`, `1.5g`, `64MiB`, `1024` to bytes; powers of 1024 whatever the spelling, as docker. `flag` is for the message. */
export function parseBytes(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) throw new UsageError(`invalid ${flag} "${text}": want a size such as 512m or 2g`);
  const [, digits = "", unit = ""] = match;
  return Math.floor(Number(digits) * 1024 ** (exponents[unit.toLowerCase()] ?? 0));
}

/** As parseBytes, and -1 for no limit. */
export function parseBytesOrUnlimited(flag: string, text: string): number {
  return text === "-1" ? -1 : parseBytes(flag, text);
}

/** `1.5` CPUs to billionths of one. */
export function parseCpus(text: string): number {
  if (!/^\d*\.?\d{1,9}$/.test(text)) throw new UsageError(`invalid --cpus "${text}": want a number such as 1.5`);
  return Math.round(Number(text) * 1e9);
}

export type IntegerBounds = { readonly minimum?: number; readonly maximum?: number };

export function parseInteger(flag: string, text: string, bounds: IntegerBounds = {}): number {
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = bounds;
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= minimum && number <= maximum)) {
    throw new UsageError(`invalid ${flag} "${text}": want a whole number${rangeOf(bounds)}`);
  }
  return number;
}

/** A bound that only keeps the number whole is not worth telling. */
function rangeOf({ minimum, maximum = Number.MAX_SAFE_INTEGER }: IntegerBounds): string {
  if (minimum === undefined) return "";
  return maximum >= 2 ** 31 ? ` of at least ${minimum}` : ` of ${minimum} to ${maximum}`;
}
