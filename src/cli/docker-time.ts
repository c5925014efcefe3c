/** RFC 3339 to `2026-11-22 03:50:01 +0000 UTC`. Empty where there is no time. */
export function formatDockerTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  return `${date.toISOString().slice(0, 19).replace("T", " ")} +0000 UTC`;
}
