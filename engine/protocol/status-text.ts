import type { ContainerSummary } from "./containers.ts";
import { formatAge, formatDuration } from "./duration-text.ts";

/** What docker's `ps` shows as STATUS: `Up 3 minutes (healthy)`, `Exited (0) 2 hours ago`. `now`: milliseconds since the epoch. */
export function formatStatus(container: ContainerSummary, now: number): string {
  const exitCode = container.exitCode ?? 0;
  switch (container.status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${uptime(container, now)}${formatHealth(container.health)}`;
    case "paused":
      return `Up ${uptime(container, now)} (Paused)`;
    case "restarting":
      return `Restarting (${exitCode}) ${formatAge(container.finishedAt ?? "", now)}`.trimEnd();
    case "exited":
      return `Exited (${exitCode}) ${formatAge(container.finishedAt ?? "", now)}`.trimEnd();
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
  }
}

function uptime({ startedAt }: ContainerSummary, now: number): string {
  const started = Date.parse(startedAt ?? "");
  return formatDuration(Number.isNaN(started) ? 0 : now - started);
}

function formatHealth(health: ContainerSummary["health"]): string {
  if (health === "none") return "";
  return health === "starting" ? " (health: starting)" : ` (${health})`;
}
