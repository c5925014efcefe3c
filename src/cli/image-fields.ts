import { formatAge } from "../../engine/protocol/duration-text.ts";
import type { ImageSummary } from "../../engine/protocol/images.ts";
import { formatBytes, formatBytesFinely } from "../format/bytes.ts";
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

export type ImageFieldOptions = {
  readonly now: number;
  readonly truncate: boolean;
  /** A row for each digest, too. */
  readonly digests?: boolean;
};

/**
 * One row for each name of the image, as docker's `images`, and for each repository that knows it by a digest alone; a dangling image
 * has one row.
 */
export function imageFields(image: ImageSummary, options: ImageFieldOptions): Fields[] {
  return placesOf(image, options.digests ?? false).map(({ repository, tag, digest }) => ({
    Containers: String(image.containers.length),
    CreatedAt: formatDockerTime(image.createdAt),
    CreatedSince: formatAge(image.createdAt, options.now),
    Digest: digest,
    ID: options.truncate ? shortID(image.id) : image.id,
    Repository: repository,
    SharedSize: formatBytesFinely(image.sharedSize),
    Size: formatBytes(image.size),
    Tag: tag,
    UniqueSize: formatBytesFinely(image.size - image.sharedSize),
    VirtualSize: formatBytesFinely(image.size),
  }));
}

type Place = { readonly repository: string; readonly tag: string; readonly digest: string };

function placesOf({ references, digests }: ImageSummary, withDigests: boolean): Place[] {
  if (references.length === 0 && digests.length === 0) return [{ repository: none, tag: none, digest: none }];
  const known = Map.groupBy(digests.map(splitDigest), ({ repository }) => repository);
  const tagged = references.map(splitReference);
  const untagged = [...known.keys()].filter((name) => !tagged.some(({ repository }) => repository === name));
  const names = [...tagged, ...untagged.map((repository) => ({ repository, tag: none }))];
  return names.flatMap(({ repository, tag }) => {
    const own = withDigests ? (known.get(repository) ?? []) : [];
    return own.length === 0 ? [{ repository, tag, digest: none }] : own.map((place) => ({ ...place, tag }));
  });
}

/** `name@sha256:…` */
function splitDigest(text: string): { repository: string; digest: string } {
  const at = text.indexOf("@");
  return { repository: text.slice(0, at), digest: text.slice(at + 1) };
}

/** `name:tag`; a colon before the last slash belongs to a registry's port. */
export function splitReference(reference: string): { repository: string; tag: string } {
  if (reference === "") return { repository: none, tag: none };
  const colon = reference.lastIndexOf(":");
  if (colon <= reference.lastIndexOf("/")) return { repository: reference, tag: none };
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}
