/** `7s` until an RFC 3339 time, at least `0s`; empty for null, for `never`, and for what is no time. */
export function countdown(time: string | null, now: number): string {
  const then = time === null ? Number.NaN : Date.parse(time);
  return Number.isNaN(then) ? "" : `${Math.max(0, Math.ceil((then - now) / 1000))}s`;
}

/** Milliseconds until the countdown reads otherwise; infinity where it does no more. */
export function nextCountdownChange(time: string | null, now: number): number {
  const left = time === null ? Number.NaN : Date.parse(time) - now;
  if (Number.isNaN(left) || left <= 0) return Number.POSITIVE_INFINITY;
  return left % 1000 === 0 ? 1000 : left % 1000;
}
