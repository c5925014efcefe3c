import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import { formatBytes } from "../format/bytes.ts";
import { formatAge } from "../format/duration.ts";
import { shortID } from "../format/ids.ts";
import { formatExposed, formatPorts } from "../format/ports.ts";
import { formatStatus } from "../format/status.ts";
import { formatDockerTime } from "./docker-time.ts";
import { joinLabels, labelReader } from "./label-fields.ts";
import type { Fields, ListingSpec } from "./listing.ts";

export type ContainerFieldOptions = {
  readonly now: number;
  readonly truncate: boolean;
  /** Bytes of the writable layer and of the image; null: not asked for. */
  readonly size: { readonly writable: number; readonly image: number } | null;
};

export const containerListing: ListingSpec = {
  headers: {
    ID: "CONTAINER ID",
    Image: "IMAGE",
    Command: "COMMAND",
    CreatedAt: "CREATED AT",
    RunningFor: "CREATED",
    Status: "STATUS",
    State: "STATE",
    Reason: "REASON",
    Ports: "PORTS",
    Names: "NAMES",
    Label: (key) => key,
    Labels: "LABELS",
    Mounts: "MOUNTS",
    LocalVolumes: "LOCAL VOLUMES",
    Networks: "NETWORKS",
    Size: "SIZE",
  },
  columns: ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"],
  quietField: "ID",
};

const commandWidth = 20;
const mountWidth = 15;
const reasonWidth = 60;

/** A container as docker's `ps` shows it. */
export function containerFields(container: ContainerSummary, options: ContainerFieldOptions): Fields {
  const { truncate, now } = options;
  return {
    Command: `"${shorten(commandOf(container), truncate ? commandWidth : null)}"`,
    CreatedAt: formatDockerTime(container.createdAt),
    ID: truncate ? shortID(container.id) : container.id,
    Image: container.image,
    Label: labelReader(container.labels),
    Labels: joinLabels(container.labels),
    LocalVolumes: String(container.mounts.filter(({ type }) => type === "volume").length),
    Mounts: container.mounts
      .map((mount) => shorten(mount.name || mount.source || mount.type, truncate ? mountWidth : null))
      .join(","),
    Names: container.name,
    Networks: networksOf(container),
    Ports: portsOf(container),
    Reason: shorten(reasonOf(container), truncate ? reasonWidth : null),
    RunningFor: formatAge(container.createdAt, now),
    Size: options.size === null ? "0B" : formatSize(options.size),
    State: container.status,
    Status: formatStatus(container, now),
  };
}

/** In the table the state says as well why it came to that; scripts that read STATUS get docker's words alone. */
export function withReason(fields: Fields): Fields {
  const { Reason, Status } = fields;
  return Reason === "" ? fields : { ...fields, Status: `${Status} (${Reason})` };
}

/** Why it ended badly or could not be started; the exit code stands in the state anyway. */
function reasonOf({ status, reason = "", error }: ContainerSummary): string {
  if (status === "running" || status === "paused") return "";
  return (error || reason).replace(/^exit code \d+(: |$)/, "");
}

/** Arguments with blanks in them stand in quotes, as docker's. */
function commandOf({ command: [program = "", ...args] }: ContainerSummary): string {
  return [program, ...args.map((arg) => (arg.includes(" ") ? `'${arg}'` : arg))].join(" ");
}

/** That of its default route first. One that shares another's has none of its own. */
function networksOf({ network, endpoints }: ContainerSummary): string {
  if (endpoints.length === 0) return network.startsWith("container:") ? "" : network;
  return endpoints.map((endpoint) => endpoint.network).join(",");
}

/** While it runs, with those that are exposed and not published, as docker. */
function portsOf({ ports, exposedPorts = [], status }: ContainerSummary): string {
  const isUp = status === "running" || status === "paused";
  const known = new Set(ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`));
  const exposed = isUp ? exposedPorts.filter((port) => !known.has(port)) : [];
  return [...formatExposed(exposed), formatPorts(ports)].filter((text) => text !== "").join(", ");
}

function formatSize(size: { readonly writable: number; readonly image: number }): string {
  return `${formatBytes(size.writable)} (virtual ${formatBytes(size.writable + size.image)})`;
}

function shorten(text: string, width: number | null): string {
  const characters = [...text];
  return width === null || characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}
