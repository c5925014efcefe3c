/** A length of time in docker's words: `Less than a second`, `About a minute`, `3 hours`. Milliseconds. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.trunc(milliseconds / 1000));
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  return formatHours(Math.round(milliseconds / 3_600_000));
}

/** How long ago an RFC 3339 time was: `3 hours ago`. Empty for what is no time. `now`: milliseconds since the epoch. */
export function formatAge(time: string, now: number): string {
  const then = Date.parse(time);
  return Number.isNaN(then) ? "" : `${formatDuration(now - then)} ago`;
}

/** Docker changes to the larger unit late: 47 hours, 13 days, 8 weeks, 23 months. */
function formatHours(hours: number): string {
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(hours / 24 / 365)} years`;
}
