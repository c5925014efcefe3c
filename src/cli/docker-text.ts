import type { ContainerSummary, PortBinding } from "../../engine/protocol/containers.ts";

/** How docker's command line writes sizes, times and states, so that what reads its output can read ours. */

const decimalUnits = ["B", "kB", "MB", "GB", "TB", "PB"];
const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Powers of 1000, three digits: `7.8MB`, `170MB`. */
export function decimalSize(bytes: number): string {
  return scale(bytes, 1000, decimalUnits, 3);
}

/** Powers of 1024, four digits: `12.5MiB`. */
export function binarySize(bytes: number): string {
  return scale(bytes, 1024, binaryUnits, 4);
}

function scale(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit += 1;
  }
  return `${Number(value.toPrecision(digits))}${units[unit]}`;
}

/** Docker's rough words for a span of time: `About a minute`, `3 weeks`. */
export function roughDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds < 60) return seconds === 1 ? "1 second" : `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes === 1 ? "About a minute" : `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours < 48) return hours === 1 ? "About an hour" : `${hours} hours`;
  const days = Math.floor(hours / 24);
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.floor(days / 7)} weeks`;
  if (days < 730) return `${Math.floor(days / 30)} months`;
  return `${Math.floor(days / 365)} years`;
}

/** `3 minutes ago`; RFC 3339 and milliseconds since the epoch. */
export function age(time: string, now: number): string {
  return `${roughDuration(now - Date.parse(time))} ago`;
}

/** `Up 3 minutes (healthy)`, `Exited (1) 2 hours ago`. */
export function statusText(container: ContainerSummary, now: number): string {
  const since = (time: string | null) => roughDuration(now - Date.parse(time ?? container.createdAt));
  const code = container.exitCode ?? 0;
  switch (container.status) {
    case "running":
      return `Up ${since(container.startedAt)}${healthSuffix(container.health)}`;
    case "paused":
      return `Up ${since(container.startedAt)} (Paused)`;
    case "restarting":
      return `Restarting (${code}) ${since(container.finishedAt)} ago`;
    case "exited":
      return `Exited (${code}) ${since(container.finishedAt)} ago`;
    case "created":
      return "Created";
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
  }
}

function healthSuffix(health: ContainerSummary["health"]): string {
  if (health === "none") return "";
  return health === "starting" ? " (health: starting)" : ` (${health})`;
}

type PortRun = { readonly first: PortBinding; length: number };

/** `0.0.0.0:8080->80/tcp, 127.0.0.1:9000-9002->9000-9002/udp` */
export function portsText(bindings: readonly PortBinding[]): string {
  const sorted = [...bindings].sort(
    (a, b) =>
      compare(a.protocol, b.protocol) || compare(a.hostAddress, b.hostAddress) || a.containerPort - b.containerPort,
  );
  const runs: PortRun[] = [];
  for (const binding of sorted) {
    const run = runs.at(-1);
    if (run !== undefined && continues(run, binding)) run.length += 1;
    else runs.push({ first: binding, length: 1 });
  }
  return runs.map(runText).join(", ");
}

function continues({ first, length }: PortRun, next: PortBinding): boolean {
  return (
    first.protocol === next.protocol &&
    first.hostAddress === next.hostAddress &&
    first.containerPort + length === next.containerPort &&
    first.hostPort + length === next.hostPort
  );
}

function runText({ first, length }: PortRun): string {
  const span = (port: number) => (length === 1 ? String(port) : `${port}-${port + length - 1}`);
  return `${hostText(first)}:${span(first.hostPort)}->${span(first.containerPort)}/${first.protocol}`;
}

/** The address of a binding; all addresses are 0.0.0.0. */
export function hostText({ hostAddress }: PortBinding): string {
  if (hostAddress === "") return "0.0.0.0";
  return hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The twelve characters that stand for an id or a digest. */
export function shortID(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

/** RFC 3339 to `2026-11-22 03:50:01 +0000 UTC`. Empty where there is no time. */
export function timeText(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  return `${date.toISOString().slice(0, 19).replace("T", " ")} +0000 UTC`;
}
