import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import { formatAge } from "../../engine/protocol/duration-text.ts";
import { formatStatus } from "../../engine/protocol/status-text.ts";
import { formatBytes } from "../format/bytes.ts";
import { shortID } from "../format/ids.ts";
import { formatExposed, formatPorts } from "../format/ports.ts";
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

/** A container as docker's `ps` shows it. What takes a while is made when it is asked for: most of it no table shows. */
export function containerFields(container: ContainerSummary, options: ContainerFieldOptions): Fields {
  const { truncate, now } = options;
  return {
    get Command() {
      return `"${shorten(commandOf(container), truncate ? commandWidth : null)}"`;
    },
    get CreatedAt() {
      return formatDockerTime(container.createdAt);
    },
    ID: truncate ? shortID(container.id) : container.id,
    Image: container.image,
    get Label() {
      return labelReader(container.labels);
    },
    get Labels() {
      return joinLabels(container.labels);
    },
    get LocalVolumes() {
      return String(container.mounts.filter(({ type }) => type === "volume").length);
    },
    get Mounts() {
      const names = container.mounts.map((mount) => mount.name || mount.source || mount.type);
      return names.map((name) => shorten(name, truncate ? mountWidth : null)).join(",");
    },
    Names: container.name,
    get Networks() {
      return networksOf(container);
    },
    get Ports() {
      return portsOf(container);
    },
    get Reason() {
      return shorten(reasonOf(container), truncate ? reasonWidth : null);
    },
    get RunningFor() {
      return formatAge(container.createdAt, now);
    },
    Size: options.size === null ? "0B" : formatSize(options.size),
    State: container.status,
    get Status() {
      return formatStatus(container, now);
    },
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
