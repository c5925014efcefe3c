import { EngineError } from "../errors.ts";
import { isDigest } from "../oci/digest.ts";
import { familiarReference, formatReference, parseReference, parseTaggedReference } from "../oci/reference.ts";
import { ApiError } from "./api-error.ts";

/** Clients look at these words: docker-py raises its ImageNotFound for them. */
export async function namingImage<T>(image: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isNoSuchImage(error) ? noSuchImage(image) : error;
  }
}

/** Whether an image is not here, not something at a registry. */
export function isNoSuchImage(error: unknown): boolean {
  return error instanceof EngineError && error.code === "not-found" && error.message.startsWith("no such image");
}

export function noSuchImage(image: string): ApiError {
  return new ApiError(404, `No such image: ${fullNameOf(image)}`, "not-found");
}

/** With the tag that is meant. An ID stays as it is. */
function fullNameOf(image: string): string {
  try {
    return image.startsWith("sha256:") ? image : familiarReference(parseTaggedReference(image));
  } catch {
    return image.slice(0, 300);
  }
}

/** Of `repo` and `tag`, the tag going before one that the repository bears. Null for no name. */
export function newNameOf(repo: string, tag: string): string | null {
  if (repo === "") return null;
  const reference = parseReference(repo);
  if (reference.digest !== null)
    throw new EngineError("invalid-argument", "refusing to create a tag with a digest reference");
  return formatReference({ ...reference, tag: tag === "" ? reference.tag : tag });
}

/** Of `fromImage` and `tag`, which may be a digest. Without either all tags are meant. */
export function pulledNameOf(
  fromImage: string,
  tag: string,
): { readonly reference: string; readonly allTags: boolean } {
  // `pull -a` of old clients ends so.
  const reference = parseReference(fromImage.replace(/:$/, ""));
  if (tag === "")
    return { reference: formatReference(reference), allTags: reference.tag === null && reference.digest === null };
  const bare = { ...reference, tag: null, digest: null };
  return { reference: formatReference(isDigest(tag) ? { ...bare, digest: tag } : { ...bare, tag }), allTags: false };
}
