import type { ImageSummary } from "../../engine/protocol/images.ts";
import { anyHolds, type Filters, globPattern, labelsHold } from "./filters.ts";
import { splitReference } from "./image-fields.ts";
import { UsageError } from "./parse/usage-error.ts";

/** Keys of `images --filter`. */
export const imageFilterKeys = ["dangling", "reference", "label", "before", "since"];

/** The images that pass, with only those of their names that pass. `before` and `since` name another image of `all`. */
export function filterImages(all: readonly ImageSummary[], filters: Filters): ImageSummary[] {
  const before = referencePoint(all, filters, "before");
  const since = referencePoint(all, filters, "since");
  return all
    .filter(
      (image) =>
        (before === null || Date.parse(image.createdAt) < before) &&
        (since === null || Date.parse(image.createdAt) > since) &&
        anyHolds(
          filters,
          "dangling",
          (value) => (value === "true" || value === "1") === (image.references.length === 0),
        ) &&
        labelsHold(filters, image.labels),
    )
    .map((image) => withMatchingNames(image, filters))
    .filter((image) => image !== null);
}

function withMatchingNames(image: ImageSummary, filters: Filters): ImageSummary | null {
  if (!filters.has("reference")) return image;
  const references = image.references.filter((reference) =>
    anyHolds(filters, "reference", (value) => referenceMatches(reference, value)),
  );
  return references.length === 0 ? null : { ...image, references };
}

/** The pattern may leave out the tag; as in docker `*` does not reach over a slash. */
function referenceMatches(reference: string, value: string): boolean {
  const pattern = globPattern(value);
  return pattern.test(reference) || pattern.test(splitReference(reference).repository);
}

function referencePoint(all: readonly ImageSummary[], filters: Filters, key: string): number | null {
  const value = filters.get(key)?.at(-1);
  if (value === undefined) return null;
  const names = [value, `${value}:latest`];
  const found = all.find(
    (image) =>
      image.references.some((reference) => names.includes(reference)) ||
      image.id.startsWith(value) ||
      image.id.startsWith(`sha256:${value}`),
  );
  if (found === undefined) throw new UsageError(`filter ${key}=${value}: image ${value} not found`, 1);
  return Date.parse(found.createdAt);
}
