import { UsageError } from "./usage-error.ts";

const unitMilliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3_600e3,
  d: 86_400e3,
};

/**
 * `--since` and `--until`: a span before now (`10m`, `1h30m`), seconds since the epoch, RFC 3339 (also without zone, then local,
 * or a date alone). Gives RFC 3339.
 */
export function parseMoment(flag: string, text: string, now: number): string {
  const span = parseSpan(text);
  if (span !== null) return new Date(now - span).toISOString();
  if (/^\d+(\.\d{1,9})?$/.test(text)) return fromSeconds(text);
  // Date.parse takes a bare date as UTC, and drops what is finer than milliseconds: times with a zone are passed on as they are.
  const local = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(local) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new UsageError(`invalid ${flag} "${text}": want a time such as 10m, 1763784000 or 2026-11-22T04:00:00Z`);
  }
  return /T.*(Z|[+-]\d\d:\d\d)$/.test(text) ? text : new Date(time).toISOString();
}

/** Milliseconds of a span as Go writes it, or null. */
function parseSpan(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h|d))+$/.test(text)) return null;
  let sum = 0;
  for (const [, amount, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)/g)) {
    sum += Number(amount) * (unitMilliseconds[unit] ?? 0);
  }
  return sum;
}

function fromSeconds(text: string): string {
  const [seconds = "0", fraction = ""] = text.split(".");
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === "" ? `${whole}Z` : `${whole}.${fraction.padEnd(9, "0")}Z`;
}
