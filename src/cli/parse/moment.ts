import { findMoment } from "../../../engine/protocol/moments.ts";
import { UsageError } from "./usage-error.ts";

/** `--since` and `--until` to RFC 3339; see findMoment for what is understood. */
export function parseMoment(flag: string, text: string, now: number): string {
  const moment = findMoment(text, now);
  if (moment !== null) return moment;
  throw new UsageError(`invalid ${flag} "${text}": want a time such as 10m, 1763784000 or 2026-11-22T04:00:00Z`, 1);
}
