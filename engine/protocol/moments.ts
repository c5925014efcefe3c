import { findGoDuration } from "./go-duration.ts";
import { findTimestamp, formatTimestamp } from "./timestamps.ts";

/**
 * What a person gives to --since and --until, as RFC 3339 in UTC, or null for what is no time. Understood are docker's forms: RFC
 * 3339 with the end left off where one likes (`2026-11-22`, `2026-11-22T14:05`; without a zone it is local time), seconds since the
 * epoch with a fraction, and a Go duration before `now` (`10m`, `1h30m`). `now`: milliseconds since the epoch.
 */
export function findMoment(text: string, now: number): string | null {
  const moment = agoOf(text, now) ?? epochOf(text) ?? dateOf(text);
  return moment === null ? null : formatTimestamp(moment);
}

/** A bare 0 is the epoch, not now. */
function agoOf(text: string, now: number): bigint | null {
  const duration = text === "0" ? null : findGoDuration(text);
  return duration === null ? null : BigInt(Math.trunc(now)) * 1_000_000n - duration;
}

function epochOf(text: string): bigint | null {
  const match = /^(-?)(\d{1,11})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) return null;
  const moment = BigInt(match[2] ?? "0") * 1_000_000_000n + BigInt((match[3] ?? "").padEnd(9, "0"));
  return match[1] === "-" ? -moment : moment;
}

function dateOf(text: string): bigint | null {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d\d:\d\d)?$/i.exec(
    text,
  );
  if (match === null) return null;
  const [, day = "", hours = "00", minutes = "00", seconds = "00", fraction = "0", zone] = match;
  const clock = `${day}T${hours}:${minutes}:${seconds}`;
  if (zone !== undefined) return findTimestamp(`${clock}.${fraction}${zone}`);
  // Date.parse takes a date and time without a zone for local time, with the offset that was in force then, and rolls February 30th over.
  const local = Date.parse(clock);
  if (findTimestamp(`${clock}Z`) === null || Number.isNaN(local)) return null;
  return BigInt(local) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
