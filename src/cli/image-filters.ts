import type { ImageSummary } from "../../engine/protocol/images.ts";
import { findMoment } from "../../engine/protocol/moments.ts";
import { anyHolds, type Filters, globPattern, labelsHold } from "./filters.ts";
import { splitReference } from "./image-fields.ts";
import { UsageError } from "./parse/usage-error.ts";

/** Keys of `images --filter`. */
export const imageFilterKeys = ["dangling", "reference", "label", "before", "since", "until"];

/** The images that pass, with only those of their names that pass. `before` and `since` name another image of `all`. */
export function filterImages(all: readonly ImageSummary[], filters: Filters): ImageSummary[] {
  const before = earliest([referencePoint(all, filters, "before"), untilOf(filters)]);
  const since = referencePoint(all, filters, "since");
  const wanted = (filters.get("dangling") ?? []).map(truthOf);
  return all
    .filter(
      (image) =>
        (before === null || Date.parse(image.createdAt) < before) &&
        (since === null || Date.parse(image.createdAt) > since) &&
        labelsHold(filters, image.labels),
    )
    .map((image) => withMatchingNames(image, filters))
    .filter((image) => image !== null)
    .filter((image) => wanted.length === 0 || wanted.some((dangling) => isWanted(image, dangling)));
}

/** In docker's words, what a registry knows by a digest alone is dangling, and not. */
function isWanted({ references, digests }: ImageSummary, dangling: boolean): boolean {
  return dangling ? references.length === 0 : references.length + digests.length > 0;
}

function withMatchingNames(image: ImageSummary, filters: Filters): ImageSummary | null {
  if (!filters.has("reference")) return image;
  const matches = (name: string, repository: string): boolean =>
    anyHolds(filters, "reference", (value) => globPattern(value).test(name) || globPattern(value).test(repository));
  const references = image.references.filter((name) => matches(name, splitReference(name).repository));
  const digests = image.digests.filter((name) => matches(name, name.slice(0, name.indexOf("@"))));
  return references.length + digests.length === 0 ? null : { ...image, references, digests };
}

function truthOf(value: string): boolean {
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new UsageError(`invalid filter "dangling=${value}": want true or false`, 1);
}

function untilOf(filters: Filters): number | null {
  const value = filters.get("until")?.at(-1);
  if (value === undefined) return null;
  const moment = findMoment(value, Date.now());
  if (moment === null) throw new UsageError(`failed to parse value as time or duration: "${value}"`, 1);
  return Date.parse(moment);
}

function earliest(moments: readonly (number | null)[]): number | null {
  const known = moments.filter((moment) => moment !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function referencePoint(all: readonly ImageSummary[], filters: Filters, key: string): number | null {
  const value = filters.get(key)?.at(-1);
  if (value === undefined) return null;
  const names = [value, `${value}:latest`];
  const isMeant = ({ references, digests }: ImageSummary) =>
    [...references, ...digests].some((name) => names.includes(name));
  const hex = value.replace(/^sha256:/, "");
  const found = all.find(isMeant) ?? all.find((image) => hex !== "" && image.id.startsWith(`sha256:${hex}`));
  if (found === undefined) throw new UsageError(`filter ${key}=${value}: image ${value} not found`, 1);
  return Date.parse(found.createdAt);
}
