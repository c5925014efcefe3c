import { EngineError } from "../errors.ts";

/** RFC 3339, section 5.6, with up to nine digits of a second kept. Space and lower case are allowed there, as here. */
const pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/;

/** Nanoseconds since the epoch, or null where the text is no RFC 3339 time. */
export function findTimestamp(text: string): bigint | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [, year, month, day, hours, minutes, seconds, fraction = "", zone = "Z"] = match;
  // Not Date.UTC: it takes the year 1, docker's word for never, for 1901.
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isReal = date.getUTCDate() === Number(day) && Number(month) <= 12;
  if (!isReal || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 60) return null;
  // A leap second, :60, is the first moment of the next minute.
  date.setUTCHours(Number(hours), Number(minutes), Number(seconds));
  return BigInt(date.getTime() - zoneOffset(zone)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** The same, or fails with `invalid-argument`. */
export function parseTimestamp(text: string): bigint {
  const nanoseconds = findTimestamp(text);
  if (nanoseconds !== null) return nanoseconds;
  throw new EngineError("invalid-argument", `time ${JSON.stringify(text)} is not of the form 2026-11-22T01:38:45Z`);
}

/** RFC 3339 in UTC with nine digits of a second, so that the texts sort as their times do. */
export function formatTimestamp(nanoseconds: bigint): string {
  const milliseconds = floorDivide(nanoseconds, 1_000_000n);
  const date = new Date(Number(milliseconds)).toISOString();
  const rest = nanoseconds - milliseconds * 1_000_000n;
  return `${date.slice(0, -1)}${rest.toString().padStart(6, "0")}Z`;
}

/** Negative, zero or positive, as sort wants it. Times of one zone and one number of digits compare as text. */
export function compareTimestamps(first: string, second: string): number {
  if (first.length === second.length && first.slice(19) === second.slice(19)) return compareText(first, second);
  if (first.length === 35 && second.length === 35 && first.slice(29) === second.slice(29)) {
    return compareText(first, second);
  }
  const [a, b] = [findTimestamp(first) ?? 0n, findTimestamp(second) ?? 0n];
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareText(first: string, second: string): number {
  return first < second ? -1 : first > second ? 1 : 0;
}

/** Milliseconds east of UTC. */
function zoneOffset(zone: string): number {
  if (zone === "Z" || zone === "z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return (zone.startsWith("-") ? -minutes : minutes) * 60_000;
}

/** Rounds towards the past, also before 1970. */
function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}
