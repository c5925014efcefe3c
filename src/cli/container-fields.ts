import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import { formatBytes } from "../format/bytes.ts";
import { formatAge } from "../format/duration.ts";
import { shortID } from "../format/ids.ts";
import { formatPorts } from "../format/ports.ts";
import { formatStatus } from "../format/status.ts";
import { formatDockerTime } from "./docker-time.ts";
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

/** A container as docker's `ps` shows it. */
export function containerFields(container: ContainerSummary, options: ContainerFieldOptions): Fields {
  const { truncate, now } = options;
  return {
    Command: `"${shorten(container.command.join(" "), truncate ? commandWidth : null)}"`,
    CreatedAt: formatDockerTime(container.createdAt),
    ID: truncate ? shortID(container.id) : container.id,
    Image: container.image,
    Label: readerOf(container.labels),
    Labels: Object.entries(container.labels)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(","),
    LocalVolumes: "0",
    Mounts: container.mounts
      .map((mount) => shorten(mount.source || mount.type, truncate ? mountWidth : null))
      .join(","),
    Names: container.name,
    Networks: container.network,
    Ports: formatPorts(container.ports),
    RunningFor: formatAge(container.createdAt, now),
    Size: options.size === null ? "0B" : formatSize(options.size),
    State: container.status,
    Status: formatStatus(container, now),
  };
}

function readerOf(labels: ContainerSummary["labels"]): (key: string) => string {
  return (key) => (Object.hasOwn(labels, key) ? (labels[key] ?? "") : "");
}

function formatSize(size: { readonly writable: number; readonly image: number }): string {
  return `${formatBytes(size.writable)} (virtual ${formatBytes(size.writable + size.image)})`;
}

function shorten(text: string, width: number | null): string {
  const characters = [...text];
  return width === null || characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}
