import type { ImageSummary } from "../../engine/protocol/images.ts";
import { formatBytes } from "../format/bytes.ts";
import { formatAge } from "../format/duration.ts";
import { shortID } from "../format/ids.ts";
import { formatDockerTime } from "./docker-time.ts";
import type { Fields, ListingSpec } from "./listing.ts";

export const imageListing: ListingSpec = {
  headers: {
    ID: "IMAGE ID",
    Repository: "REPOSITORY",
    Tag: "TAG",
    Digest: "DIGEST",
    CreatedSince: "CREATED",
    CreatedAt: "CREATED AT",
    Size: "SIZE",
    SharedSize: "SHARED SIZE",
    UniqueSize: "UNIQUE SIZE",
    VirtualSize: "VIRTUAL SIZE",
    Containers: "CONTAINERS",
  },
  columns: ["Repository", "Tag", "ID", "CreatedSince", "Size"],
  quietField: "ID",
};

const none = "<none>";

/** One row for each name of the image, as docker's `images`; a dangling image has one row. */
export function imageFields(image: ImageSummary, options: { now: number; truncate: boolean }): Fields[] {
  const names = image.references.length === 0 ? [""] : image.references;
  return names.map((reference) => {
    const { repository, tag } = splitReference(reference);
    return {
      Containers: String(image.containers.length),
      CreatedAt: formatDockerTime(image.createdAt),
      CreatedSince: formatAge(image.createdAt, options.now),
      Digest: none,
      ID: options.truncate ? shortID(image.id) : image.id,
      Repository: repository,
      SharedSize: formatBytes(image.sharedSize),
      Size: formatBytes(image.size),
      Tag: tag,
      UniqueSize: formatBytes(image.size - image.sharedSize),
      VirtualSize: formatBytes(image.size),
    };
  });
}

/** `name:tag`; a colon before the last slash belongs to a registry's port. */
export function splitReference(reference: string): { repository: string; tag: string } {
  if (reference === "") return { repository: none, tag: none };
  const colon = reference.lastIndexOf(":");
  if (colon <= reference.lastIndexOf("/")) return { repository: reference, tag: none };
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}
