import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import type { PortBinding } from "../../../engine/protocol/ports.ts";
import type { StatsSample } from "../../../engine/protocol/stats.ts";
import { miniBar } from "../../components/spans.ts";
import type { Column } from "../../components/table.ts";
import { formatBinaryBytes } from "../../format/bytes.ts";
import { screenText } from "../../format/screen-text.ts";
import { signalOf } from "../../format/signal-name.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Span, span, type Tone } from "../../theme/tokens.ts";
import { age } from "../age.ts";
import { countdown } from "../countdown.ts";

/** What a row shows, as plain values. */
export type ContainerRow = {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly state: string;
  readonly tone: Tone;
  readonly live: boolean;
  /** Told to end, and not yet gone. */
  readonly stopping: boolean;
  /** Percent of one core, and its share of what the container may use (0-1); null while not running. */
  readonly cpu: { readonly percent: number; readonly share: number } | null;
  readonly memory: { readonly used: number; readonly share: number | null } | null;
  readonly ports: readonly PortText[];
  readonly uptime: string;
  /** Why it does not run, where that is more than an exit code. */
  readonly reason: string;
  readonly reasonTone: Tone;
  /** How often it was started again by its policy. */
  readonly restarts: number;
};

/** `open`: reachable from other hosts. */
export type PortText = { readonly text: string; readonly open: boolean };

export function containerRow(container: ContainerSummary, sample: StatsSample | null, now: number): ContainerRow {
  const live = container.status === "running" || container.status === "paused";
  return {
    id: container.id,
    name: screenText(container.name),
    image: screenText(container.image),
    state: stateText(container, now),
    tone: stateTone(container),
    live,
    stopping: isStopping(container),
    cpu: live ? cpuOf(sample) : null,
    memory: live ? memoryOf(sample) : null,
    ports: portTexts(container.ports),
    uptime: uptimeOf(container, now),
    reason: live ? "" : reasonOf(container),
    reasonTone: stateTone(container) === "error" ? "error" : "muted",
    restarts: container.restartCount,
  };
}

/** What is most urgent to know: that it is being stopped, its health, or how it is. */
export function stateText(container: ContainerSummary, now: number): string {
  const { status, health, stopDeadline } = container;
  if (isStopping(container)) return `stopping ${countdown(stopDeadline, now)}`.trimEnd();
  if (status === "running" && health !== "none") return health;
  if (status !== "exited") return status;
  if (container.oomKilled) return "OOM killed";
  return container.exitCode === null ? "exited" : `exited ${container.exitCode}`;
}

function isStopping({ status, stopDeadline }: ContainerSummary): boolean {
  return stopDeadline !== null && (status === "running" || status === "paused");
}

function stateTone(container: ContainerSummary): Tone {
  if (isStopping(container)) return "warn";
  switch (container.status) {
    case "running":
      return container.health === "unhealthy" ? "error" : container.health === "starting" ? "info" : "ok";
    case "paused":
    case "restarting":
      return "warn";
    case "dead":
      return "error";
    case "exited":
      return container.exitCode === 0 && !container.oomKilled ? "faint" : "error";
    case "created":
      return container.error === "" ? "faint" : "error";
    case "removing":
      return "faint";
  }
}

/** Why it ended or did not start: what the engine said, the limit it came to, or the signal. */
function reasonOf(container: ContainerSummary): string {
  const { error, oomKilled, exitCode, status, restartCount, resources } = container;
  const restarts = countOf(restartCount, "restart");
  const again = status === "restarting" ? `, ${restarts}` : hasGivenUp(container) ? `, gave up after ${restarts}` : "";
  if (error !== "") return screenText(error);
  // The state's own column has the bare exit code already.
  if (container.reason !== undefined && container.reason !== `exit code ${exitCode}`) {
    return screenText(`${container.reason.replace(/^exit code \d+: /, "")}${again}`);
  }
  if (oomKilled)
    return resources.memory === null ? again.slice(2) : `limit ${formatBinaryBytes(resources.memory)}${again}`;
  const signal = exitCode === null ? "" : signalOf(exitCode);
  if (signal !== "") return `killed by ${signal}${again}`;
  if (status === "restarting" && exitCode !== null) return `exit code ${exitCode}${again}`;
  return again.slice(2);
}

/** Its policy would have it run, but not for ever. */
function hasGivenUp({ status, exitCode, restartCount, restartPolicy }: ContainerSummary): boolean {
  const { name, maximumRetryCount } = restartPolicy;
  if (name !== "on-failure" || maximumRetryCount === 0) return false;
  return status === "exited" && exitCode !== 0 && restartCount >= maximumRetryCount;
}

function countOf(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
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

/** IPv4 and IPv6 of one port are one thing to know. */
export function portTexts(ports: readonly PortBinding[]): readonly PortText[] {
  const texts = new Map(ports.map((port) => [portText(port).text, portText(port)]));
  return [...texts.values()];
}

/** Where it is bound to all addresses, that is what is written first: it is what a stranger can reach. */
export function portText(port: PortBinding): PortText {
  const open = isOpenToAll(port);
  const protocol = port.protocol === "tcp" ? "" : `/${port.protocol}`;
  const address = port.hostAddress.includes(":") ? `[${port.hostAddress}]` : port.hostAddress;
  const host = open ? `*:${port.hostPort}` : `${address}:${port.hostPort}`;
  return { text: `${host}${glyphs.arrow}${port.containerPort}${protocol}`, open };
}

/** True where it is bound to all addresses of the host: a stranger can reach it. */
export function isOpenToAll({ hostAddress }: Pick<PortBinding, "hostAddress">): boolean {
  return hostAddress === "" || hostAddress === "0.0.0.0" || hostAddress === "::";
}

function uptimeOf(container: ContainerSummary, now: number): string {
  if (container.status === "running" || container.status === "paused") return age(container.startedAt, now);
  const since = age(container.finishedAt ?? null, now);
  return since === "" ? "" : `${since} ago`;
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
  {
    title: "STATE",
    minimum: 10,
    maximum: 13,
    priority: 1,
    spans: (row) => [span(row.stopping ? "stopping" : row.state, row.tone)],
    // The time that is left changes its width: over what counts least by now it moves nothing.
    across: { titles: ["CPU"], spans: (row) => (row.stopping ? [span(row.state, row.tone)] : null) },
  },
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
    // What does not run uses nothing: there is room for the reason.
    across: { titles: ["MEMORY"], spans: (row) => (row.reason === "" ? null : [span(row.reason, row.reasonTone)]) },
  },
  { title: "MEMORY", minimum: 15, maximum: 15, priority: 3, spans: (row) => memorySpans(row) },
  { title: "UPTIME", minimum: 7, maximum: 9, priority: 4, spans: (row) => [span(row.uptime, "muted")] },
  { title: "PORTS", optional: true, minimum: 8, maximum: 60, priority: 5, spans: (row) => portSpans(row.ports) },
  { title: "IMAGE", minimum: 10, maximum: 44, priority: 6, spans: (row) => [span(row.image, "muted")] },
  {
    title: "RESTARTS",
    optional: true,
    minimum: 8,
    maximum: 8,
    priority: 7,
    align: "right",
    spans: (row) => [span(row.restarts === 0 ? "" : String(row.restarts), "warn")],
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
