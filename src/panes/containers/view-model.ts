import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { PortBinding } from "../../../engine/protocol/ports.ts";
import type { StatsSample } from "../../../engine/protocol/stats.ts";
import { miniBar } from "../../components/spans.ts";
import type { Column } from "../../components/table.ts";
import { formatBinaryBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Span, span, type Tone } from "../../theme/tokens.ts";
import { age } from "../age.ts";

/** What a row shows, as plain values. */
export type ContainerRow = {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly state: string;
  readonly tone: Tone;
  readonly live: boolean;
  /** Percent of one core, and its share of what the container may use (0-1); null while not running. */
  readonly cpu: { readonly percent: number; readonly share: number } | null;
  readonly memory: { readonly used: number; readonly share: number | null } | null;
  readonly ports: readonly PortText[];
  readonly uptime: string;
  readonly health: string;
  readonly healthTone: Tone;
};

/** `open`: reachable from other hosts. */
export type PortText = { readonly text: string; readonly open: boolean };

export function containerRow(container: ContainerSummary, sample: StatsSample | null, now: number): ContainerRow {
  const live = container.status === "running" || container.status === "paused";
  return {
    id: container.id,
    name: screenText(container.name),
    image: screenText(container.image),
    state: stateText(container),
    tone: stateTone(container),
    live,
    cpu: live ? cpuOf(sample) : null,
    memory: live ? memoryOf(sample) : null,
    ports: container.ports.map(portText),
    uptime: uptimeOf(container, now),
    health: container.health === "none" ? "" : container.health,
    healthTone: healthTone(container.health),
  };
}

function stateText(container: ContainerSummary): string {
  if (container.status !== "exited") return container.status;
  if (container.oomKilled) return "out of memory";
  return container.exitCode === null ? "exited" : `exited ${container.exitCode}`;
}

function stateTone(container: ContainerSummary): Tone {
  switch (container.status) {
    case "running":
      return container.health === "unhealthy" ? "warn" : "ok";
    case "paused":
    case "restarting":
      return "warn";
    case "dead":
      return "error";
    case "exited":
      return container.exitCode === 0 && !container.oomKilled ? "faint" : "error";
    case "created":
    case "removing":
      return "faint";
  }
}

function cpuOf(sample: StatsSample | null): ContainerRow["cpu"] {
  const percent = sample?.cpu.percent ?? null;
  if (percent === null) return null;
  return { percent, share: (sample?.cpu.percentOfLimit ?? 0) / 100 };
}

function memoryOf(sample: StatsSample | null): ContainerRow["memory"] {
  if (sample === null) return null;
  const { used, limit, limited } = sample.memory;
  return { used, share: limit > 0 ? used / limit : limited ? 0 : null };
}

/** Where it is bound to all addresses, that is what is written first: it is what a stranger can reach. */
export function portText(port: PortBinding): PortText {
  const open = port.hostAddress === "" || port.hostAddress === "0.0.0.0" || port.hostAddress === "::";
  const protocol = port.protocol === "tcp" ? "" : `/${port.protocol}`;
  const address = port.hostAddress.includes(":") ? `[${port.hostAddress}]` : port.hostAddress;
  const host = open ? `*:${port.hostPort}` : `${address}:${port.hostPort}`;
  return { text: `${host}${glyphs.arrow}${port.containerPort}${protocol}`, open };
}

function uptimeOf(container: ContainerSummary, now: number): string {
  if (container.status === "running" || container.status === "paused") return age(container.startedAt, now);
  const since = age(container.finishedAt ?? null, now);
  return since === "" ? "" : `${since} ago`;
}

function healthTone(health: ContainerSummary["health"]): Tone {
  if (health === "healthy") return "ok";
  return health === "unhealthy" ? "error" : "warn";
}

/** The most important first: what falls off a narrow screen has the highest priority number. */
export const containerColumns: readonly Column<ContainerRow>[] = [
  {
    title: "NAME",
    minimum: 12,
    maximum: 40,
    priority: 0,
    spans: (row) => [
      span(row.live ? glyphs.dot : glyphs.ring, row.tone),
      span(` ${row.name}`, row.live ? "strong" : "text"),
    ],
  },
  { title: "STATE", minimum: 10, maximum: 13, priority: 1, spans: (row) => [span(row.state, row.tone)] },
  {
    title: "CPU",
    minimum: 12,
    maximum: 12,
    priority: 2,
    spans: (row) =>
      row.cpu === null
        ? [span("")]
        : [
            span(`${row.cpu.percent.toFixed(row.cpu.percent < 99.95 ? 1 : 0)}%`.padStart(6)),
            span(" "),
            ...miniBar(row.cpu.share, 5),
          ],
  },
  { title: "MEMORY", minimum: 15, maximum: 15, priority: 3, spans: (row) => memorySpans(row) },
  { title: "UPTIME", minimum: 7, maximum: 9, priority: 4, spans: (row) => [span(row.uptime, "muted")] },
  { title: "PORTS", optional: true, minimum: 8, maximum: 60, priority: 5, spans: (row) => portSpans(row.ports) },
  { title: "IMAGE", minimum: 10, maximum: 44, priority: 6, spans: (row) => [span(row.image, "muted")] },
  {
    title: "HEALTH",
    optional: true,
    minimum: 6,
    maximum: 9,
    priority: 7,
    spans: (row) => [span(row.health, row.healthTone)],
  },
];

function memorySpans(row: ContainerRow): Span[] {
  if (row.memory === null) return [];
  const text = span(formatBinaryBytes(row.memory.used).padStart(9));
  return row.memory.share === null ? [text] : [text, span(" "), ...miniBar(row.memory.share, 5)];
}

function portSpans(ports: readonly PortText[]): Span[] {
  return ports.flatMap((port, index) => [
    ...(index === 0 ? [] : [span(" ")]),
    span(port.text, port.open ? "warn" : "muted"),
  ]);
}
