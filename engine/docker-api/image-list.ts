import { matchesLabels } from "../lib/label-filter.ts";
import type { ImageSummary } from "../protocol/images.ts";
import { type Filters, filterFlag } from "./filters.ts";
import { compileGlob } from "./glob.ts";

export const imageFilters = ["before", "dangling", "label", "reference", "since", "until"];

/** Moments between which an image was made, in milliseconds since the epoch. */
export type Span = { readonly after: number | null; readonly before: number | null };

/** The images that pass, with only those of their names that pass. */
export function filterImages(images: readonly ImageSummary[], filters: Filters, span: Span): ImageSummary[] {
  const dangling = filterFlag(filters, "dangling");
  const patterns = filters.get("reference")?.map(compileGlob) ?? null;
  return images
    .filter((image) => isWithin(image, span) && matchesLabels(image.labels, filters.get("label") ?? []))
    .map((image) => (patterns === null ? image : withMatchingNames(image, patterns)))
    .filter(({ references, digests }) => {
      // What a registry knows by a digest alone is dangling, and not.
      if (references.length > 0) return dangling !== true;
      return digests.length > 0 || (dangling !== false && patterns === null);
    });
}

function isWithin({ createdAt }: ImageSummary, { after, before }: Span): boolean {
  const made = Date.parse(createdAt);
  return (after === null || made > after) && (before === null || made < before);
}

type Pattern = ReturnType<typeof compileGlob>;

function withMatchingNames(image: ImageSummary, patterns: readonly Pattern[]): ImageSummary {
  const fits = (name: string) => patterns.some((isLike) => isLike(name) || isLike(bareNameOf(name)));
  return { ...image, references: image.references.filter(fits), digests: image.digests.filter(fits) };
}

/** Without tag and digest. */
function bareNameOf(name: string): string {
  return name.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
}

/** Before these, images without a name bore `<none>`, and sizes were told twice. */
const emptyNames = 43;
const singleSize = 44;

/** docker's ImageSummary. */
export function formatImage(image: ImageSummary, options: { readonly version: number; readonly sharedSize: boolean }) {
  const { id, references, digests, createdAt, size, labels } = image;
  const none = options.version < emptyNames && references.length + digests.length === 0;
  return {
    Containers: -1,
    Created: Math.floor(Date.parse(createdAt) / 1000),
    Id: id,
    Labels: labels,
    ParentId: "",
    RepoDigests: none ? ["<none>@<none>"] : digests,
    RepoTags: none ? ["<none>:<none>"] : references,
    SharedSize: options.sharedSize ? image.sharedSize : -1,
    Size: size,
    ...(options.version < singleSize ? { VirtualSize: size } : {}),
  };
}
