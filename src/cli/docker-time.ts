import { findTimestamp, formatTimestamp } from "../../engine/protocol/timestamps.ts";

/** RFC 3339 to `2026-11-22 03:50:01 +0000 UTC`. Empty where there is no time. */
export function formatDockerTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  return `${date.toISOString().slice(0, 19).replace("T", " ")} +0000 UTC`;
}

/** The same with the fraction of a second, as Go prints a time: `2026-11-22 03:50:01.67310924 +0000 UTC`. */
export function formatGoTime(time: string): string {
  const nanoseconds = findTimestamp(time);
  if (nanoseconds === null) return "";
  const [clock = "", fraction = ""] = formatTimestamp(nanoseconds).slice(0, -1).replace("T", " ").split(".");
  const digits = fraction.replace(/0+$/, "");
  return `${clock}${digits === "" ? "" : `.${digits}`} +0000 UTC`;
}
