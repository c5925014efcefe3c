import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import { formatBinaryBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { signalOf } from "../../format/signal-name.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, type Span, span } from "../../theme/tokens.ts";
import { createdSpans } from "../images/details-page.ts";
import { at, commandLine, entriesAt, field, numberAt, page, pairs, textAt, textsAt } from "../page.ts";
import { healthLines, healthTones } from "./health.ts";
import { containerRow, isOpenToAll, stateText } from "./view-model.ts";

/** All about a container, to be read by a person. `json`: docker's inspect JSON. */
export function containerPage(container: ContainerSummary, json: unknown, now: number): Line[] {
  return page(
    [
      ...field("Name", container.name, "strong"),
      ...field("ID", container.id),
      ...field("Image", [[span(screenText(container.image)), span(`  ${shortID(container.imageID)}`, "muted")]]),
      ...field("Created", createdSpans(container.createdAt, now)),
    ],
    stateFields(container, now),
    [
      ...field("Command", commandLine([textAt(json, "Path"), ...textsAt(json, "Args")])),
      ...field("Directory", textAt(json, "Config", "WorkingDir")),
      ...field("User", textAt(json, "Config", "User")),
      ...field("Terminal", at(json, "Config", "Tty") === true ? "yes" : ""),
    ],
    [
      ...field("Ports", portValues(container)),
      ...field("Networks", networkValues(container, json)),
      ...field("Mounts", mountValues(json)),
      ...field("Limits", limitsOf(json)),
      ...field("Restart", restartOf(json)),
      ...field("Rights", rightsOf(json)),
      ...field("Log", textAt(json, "LogPath")),
    ],
    healthLines(json, now),
    field("Environment", pairs(textsAt(json, "Config", "Env"))),
    field("Labels", pairs(entriesAt(json, "Config", "Labels"))),
  );
}

function stateFields(container: ContainerSummary, now: number): Line[] {
  const { tone } = containerRow(container, null, now);
  const { health, status, exitCode, restartCount } = container;
  const isLive = container.pid !== null;
  const word = status === "running" && health !== "none" && container.stopDeadline === null;
  const ended = isLive || exitCode === null ? [] : exitSpans(container, exitCode);
  return [
    ...field("State", [
      [
        span(word ? status : stateText(container, now), tone),
        span(health === "none" || !isLive ? "" : `  ${health}`, healthTones[health] ?? "muted"),
        span(container.stopDeadline === null || !isLive ? "" : "  then SIGKILL", "muted"),
      ],
    ]),
    ...field("Process", isLive ? String(container.pid) : ""),
    ...field("Exit code", ended),
    ...field("Error", container.error, "error"),
    ...field("Reason", isLive ? "" : (container.reason ?? ""), "error"),
    ...field("Started", whenSpans(container.startedAt, now)),
    ...field("Finished", isLive ? [] : whenSpans(container.finishedAt, now)),
    ...field("Restarts", restartCount === 0 ? "" : `${restartCount}, by its policy`),
  ];
}

/** `137  killed by SIGKILL, out of memory` */
function exitSpans({ oomKilled }: ContainerSummary, exitCode: number): Span[] {
  const signal = signalOf(exitCode);
  const reasons = [
    signal === "" ? "" : `killed by ${signal}`,
    oomKilled ? "out of memory" : "",
    exitCode === 127 ? "the command was not found" : exitCode === 126 ? "the command could not be run" : "",
  ].filter((reason) => reason !== "");
  return [span(String(exitCode)), span(reasons.length === 0 ? "" : `  ${reasons.join(", ")}`, "error")];
}

function whenSpans(time: string | null, now: number): Span[] {
  return time === null ? [] : createdSpans(time, now);
}

function portValues({ ports }: ContainerSummary): Span[][] {
  return ports.map((port) => {
    const { hostAddress, hostPort, containerPort, protocol } = port;
    const isOpen = isOpenToAll(port);
    const host = hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress || "0.0.0.0";
    return [
      span(`${host}:${hostPort}`, isOpen ? "warn" : "text"),
      span(` ${glyphs.arrow} `, "faint"),
      span(`${containerPort}/${protocol}`),
      span(isOpen ? "  open to the world" : "", "warn"),
    ];
  });
}

/** What the summary tells; gateway and length of the address stand in the JSON only. */
function networkValues({ endpoints, network: mode }: ContainerSummary, json: unknown): Span[][] {
  if (endpoints.length === 0) return [[span(screenText(mode))]];
  return endpoints.map(({ network: name, ipAddress, ipv6Address, macAddress, aliases }) => {
    const network = at(json, "NetworkSettings", "Networks", name);
    const gateway = textAt(network, "Gateway");
    const addresses = [
      withLength(ipAddress, numberAt(network, "IPPrefixLen")),
      withLength(ipv6Address, numberAt(network, "GlobalIPv6PrefixLen")),
    ];
    const others = [gateway === "" ? "" : `  gateway ${gateway}`, withLength(macAddress, 0)];
    return [
      span(screenText(name)),
      span(screenText(addresses.join("")), "muted"),
      span(aliases.length === 0 ? "" : "  as ", "faint"),
      span(screenText(aliases.join(" "))),
      span(screenText(others.join("")), "faint"),
    ];
  });
}

function withLength(address: string | null, length: number): string {
  if (address === null) return "";
  return `  ${address}${length === 0 ? "" : `/${length}`}`;
}

function mountValues(json: unknown): Span[][] {
  const mounts = at(json, "Mounts");
  return (Array.isArray(mounts) ? mounts : []).map((mount: unknown) => {
    const type = textAt(mount, "Type");
    const volume = type === "volume" ? textAt(mount, "Name") : "";
    const isAnonymous = /^[0-9a-f]{64}$/.test(volume);
    const source = volume === "" ? textAt(mount, "Source") : isAnonymous ? shortID(volume) : volume;
    const from = source === "" ? [] : [span(screenText(source)), span(` ${glyphs.arrow} `, "faint")];
    const isReadOnly = at(mount, "RW") === false;
    return [
      ...from,
      span(screenText(textAt(mount, "Destination"))),
      span(`  ${isAnonymous ? "anonymous " : ""}${screenText(type)}${isReadOnly ? ", read-only" : ""}`, "muted"),
    ];
  });
}

function limitsOf(json: unknown): string {
  const limit = (name: string) => numberAt(json, "HostConfig", name);
  const memory = limit("Memory");
  const cpus = limit("NanoCpus");
  const pids = limit("PidsLimit");
  const shares = limit("CpuShares");
  const cpuset = textAt(json, "HostConfig", "CpusetCpus");
  const swap = limit("MemorySwap");
  const quota = limit("CpuQuota");
  const period = limit("CpuPeriod") || 100_000;
  const reserved = limit("MemoryReservation");
  const parts = [
    memory > 0 ? `memory ${formatBinaryBytes(memory)}` : "",
    reserved > 0 ? `${formatBinaryBytes(reserved)} of it reserved` : "",
    swap === -1 ? "any swap" : swap > memory ? `swap ${formatBinaryBytes(swap - memory)}` : "",
    cpus > 0 ? `${cpus / 1e9} CPUs` : "",
    quota > 0 ? `${quota / period} CPUs` : "",
    cpuset === "" ? "" : `only CPUs ${cpuset}`,
    shares > 0 ? `CPU shares ${shares}` : "",
    limit("BlkioWeight") > 0 ? `disk weight ${limit("BlkioWeight")}` : "",
    pids > 0 ? `${pids} processes` : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "none" : parts.join(", ");
}

function restartOf(json: unknown): string {
  const name = textAt(json, "HostConfig", "RestartPolicy", "Name");
  const most = numberAt(json, "HostConfig", "RestartPolicy", "MaximumRetryCount");
  if (name === "" || name === "no") return "never";
  return name === "on-failure" && most > 0 ? `on failure, at most ${most} times` : name;
}

/** What a reader would want to know who asks how far it is shut in. */
function rightsOf(json: unknown): string {
  const added = textsAt(json, "HostConfig", "CapAdd");
  const dropped = textsAt(json, "HostConfig", "CapDrop");
  return [
    at(json, "HostConfig", "Privileged") === true ? "privileged" : "",
    added.length > 0 ? `with ${added.join(" ")}` : "",
    dropped.length > 0 ? `without ${dropped.join(" ")}` : "",
    at(json, "HostConfig", "ReadonlyRootfs") === true ? "read-only root" : "",
    ...textsAt(json, "HostConfig", "SecurityOpt").map((option) => option.slice(0, 40)),
  ]
    .filter((part) => part !== "")
    .join(", ");
}
