/** A span of time in its largest unit: `12s`, `5m`, `3h`, `4d`, `2w`. Changes at most once per unit. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}h`;
  const days = Math.floor(seconds / 86_400);
  return days < 21 ? `${days}d` : `${Math.floor(days / 7)}w`;
}

/** How long ago an RFC 3339 time was; empty for null and for what is no time. */
export function age(time: string | null, now: number): string {
  const then = time === null ? Number.NaN : Date.parse(time);
  return Number.isNaN(then) ? "" : formatAge(now - then);
}

/** Milliseconds until the age of `time` reads otherwise. */
export function nextAgeChange(time: string | null, now: number): number {
  const then = time === null ? Number.NaN : Date.parse(time);
  if (Number.isNaN(then)) return Number.POSITIVE_INFINITY;
  const passed = Math.max(0, now - then);
  const unit = passed < 60_000 ? 1000 : passed < 3_600_000 ? 60_000 : 3_600_000;
  return unit - (passed % unit);
}
