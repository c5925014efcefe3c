import type { ContainerSummary } from "../../engine/protocol/containers.ts";
import { formatAge } from "../../engine/protocol/duration-text.ts";
import type { DiskUsage } from "../../engine/protocol/upkeep.ts";
import { formatBytes, formatBytesFinely } from "../format/bytes.ts";
import { shortID } from "../format/ids.ts";
import { containerFields, containerListing } from "./container-fields.ts";
import { formatDockerTime } from "./docker-time.ts";
import { imageListing, splitReference } from "./image-fields.ts";
import type { Fields, ListingSpec } from "./listing.ts";
import { volumeListing } from "./volume-fields.ts";

type Options = { readonly now: number; readonly truncate: boolean };

/** Rows of `system df -v`, one an image: docker shows only the first of its names. */
export function imagesInDetail({ items }: DiskUsage["images"], options: Options): [Fields[], ListingSpec] {
  const fields = items.map((image) => {
    const { repository, tag } = splitReference(image.references[0] ?? "");
    return {
      Containers: String(image.containers),
      CreatedAt: formatDockerTime(image.createdAt),
      CreatedSince: formatAge(image.createdAt, options.now),
      Digest: "",
      ID: options.truncate ? shortID(image.id) : image.id,
      Repository: repository,
      SharedSize: formatBytesFinely(image.sharedSize),
      Size: formatBytes(image.size),
      Tag: tag,
      UniqueSize: formatBytesFinely(image.uniqueSize),
      VirtualSize: formatBytesFinely(image.size),
    };
  });
  const columns = ["Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers"];
  return [fields, { ...imageListing, columns }];
}

/** Those that are in both lists, with the size of their logs beside docker's columns. */
export function containersInDetail(
  { items }: DiskUsage["containers"],
  containers: readonly ContainerSummary[],
  options: Options,
): [Fields[], ListingSpec] {
  const known = new Map(containers.map((container) => [container.id, container]));
  const fields = items.flatMap(({ id, size, logSize }) => {
    const container = known.get(id);
    if (container === undefined) return [];
    const sizes = { Size: formatBytes(size), LogSize: formatBytes(logSize) };
    return { ...containerFields(container, { ...options, size: null }), ...sizes };
  });
  const headers = { ...containerListing.headers, LogSize: "LOG SIZE" };
  const columns = ["ID", "Image", "Command", "LocalVolumes", "Size", "LogSize", "RunningFor", "Status", "Names"];
  return [fields, { ...containerListing, headers, columns }];
}

/** Largest first. What is not measured, since it lies elsewhere, has docker's N/A. */
export function volumesInDetail({ items }: DiskUsage["volumes"]): [Fields[], ListingSpec] {
  const fields = [...items]
    .sort((a, b) => (b.size ?? 0) - (a.size ?? 0))
    .map(({ name, driver, links, size }) => ({
      Driver: driver,
      Links: String(links),
      Name: name,
      Size: size === null ? "N/A" : formatBytesFinely(size),
    }));
  return [fields, { ...volumeListing, columns: ["Name", "Links", "Size"] }];
}
