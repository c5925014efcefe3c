import type { ContainerSummary } from "../../../engine/protocol/containers.ts";
import { formatBinaryBytes } from "../../format/bytes.ts";
import { shortID } from "../../format/ids.ts";
import { screenText } from "../../format/screen-text.ts";
import { unicodeGlyphs as glyphs } from "../../theme/glyphs.ts";
import { type Line, type Span, span } from "../../theme/tokens.ts";
import { createdSpans } from "../images/details-page.ts";
import { at, commandLine, entriesAt, field, keysAt, numberAt, page, pairs, textAt, textsAt } from "../page.ts";
import { containerRow } from "./view-model.ts";

/** All about a container, to be read by a person. `json`: docker's inspect JSON. */
export function containerPage(container: ContainerSummary, json: unknown, now: number): Line[] {
  return page(
    [
      ...field("Name", container.name, "strong"),
      ...field("ID", container.id),
      ...field("Image", [[span(screenText(container.image)), span(`  ${shortID(container.imageID)}`, "muted")]]),
      ...field("Created", createdSpans(container.createdAt, now)),
    ],
    stateFields(container, json, now),
    [
      ...field("Command", commandLine([textAt(json, "Path"), ...textsAt(json, "Args")])),
      ...field("Directory", textAt(json, "Config", "WorkingDir")),
      ...field("User", textAt(json, "Config", "User")),
      ...field("Terminal", at(json, "Config", "Tty") === true ? "yes" : ""),
    ],
    [
      ...field("Ports", portValues(container)),
      ...networkFields(json),
      ...field("Mounts", mountValues(json)),
      ...field("Limits", limitsOf(json)),
      ...field("Restart", restartOf(json)),
      ...field("Rights", rightsOf(json)),
      ...field("Log", textAt(json, "LogPath")),
    ],
    field("Environment", pairs(textsAt(json, "Config", "Env"))),
    field("Labels", pairs(entriesAt(json, "Config", "Labels"))),
  );
}

function stateFields(container: ContainerSummary, json: unknown, now: number): Line[] {
  const { state, tone, health, healthTone } = containerRow(container, null, now);
  const isLive = container.pid !== null;
  return [
    ...field("State", [[span(state, tone), span(health === "" ? "" : `  ${health}`, healthTone)]]),
    ...field("Process", isLive ? String(container.pid) : ""),
    ...field("Exit code", isLive || container.exitCode === null ? "" : String(container.exitCode)),
    ...field("Error", container.error, "error"),
    ...field("Started", whenSpans(container.startedAt, now)),
    ...field("Finished", isLive ? [] : whenSpans(container.finishedAt, now)),
    ...field("Restarts", numberAt(json, "RestartCount") === 0 ? "" : String(numberAt(json, "RestartCount"))),
  ];
}

function whenSpans(time: string | null, now: number): Span[] {
  return time === null ? [] : createdSpans(time, now);
}

function portValues({ ports }: ContainerSummary): Span[][] {
  return ports.map(({ hostAddress, hostPort, containerPort, protocol }) => {
    const isOpen = hostAddress === "" || hostAddress === "0.0.0.0" || hostAddress === "::";
    const host = hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress || "0.0.0.0";
    return [
      span(`${host}:${hostPort}`, isOpen ? "warn" : "text"),
      span(` ${glyphs.arrow} `, "faint"),
      span(`${containerPort}/${protocol}`),
    ];
  });
}

function networkFields(json: unknown): Line[] {
  const networks = keysAt(json, "NetworkSettings", "Networks").map((name) => {
    const network = at(json, "NetworkSettings", "Networks", name);
    const address = textAt(network, "IPAddress");
    const length = numberAt(network, "IPPrefixLen");
    const gateway = textAt(network, "Gateway");
    const mac = textAt(network, "MacAddress");
    const parts = [
      address === "" ? "" : `  ${address}${length === 0 ? "" : `/${length}`}`,
      gateway === "" ? "" : `  gateway ${gateway}`,
      mac === "" ? "" : `  ${mac}`,
    ];
    return [span(screenText(name)), span(screenText(parts.join("")), "muted")];
  });
  return field("Networks", networks);
}

function mountValues(json: unknown): Span[][] {
  const mounts = at(json, "Mounts");
  return (Array.isArray(mounts) ? mounts : []).map((mount: unknown) => {
    const source = textAt(mount, "Source");
    const from = source === "" ? [] : [span(screenText(source)), span(` ${glyphs.arrow} `, "faint")];
    const isReadOnly = at(mount, "RW") === false;
    return [
      ...from,
      span(screenText(textAt(mount, "Destination"))),
      span(`  ${screenText(textAt(mount, "Type"))}${isReadOnly ? ", read-only" : ""}`, "muted"),
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
  const parts = [
    memory > 0 ? `memory ${formatBinaryBytes(memory)}` : "",
    cpus > 0 ? `${cpus / 1e9} CPUs` : "",
    cpuset === "" ? "" : `only CPUs ${cpuset}`,
    shares > 0 ? `CPU shares ${shares}` : "",
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
