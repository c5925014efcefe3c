import { EngineError } from "../../errors.ts";
import { familiarReference, parseTaggedReference } from "../../oci/reference.ts";
import type { CachePlace, PlaceParts } from "./cache-place.ts";

/** A tag of a repository that is an image to nobody. */
export function registryCache(
  text: string,
  access: "pull" | "push",
  { registries, credentialsFor }: PlaceParts,
): CachePlace {
  const reference = parseTaggedReference(text);
  const tag = reference.digest ?? reference.tag ?? "latest";
  const repository = registries.repository(reference, { credentials: credentialsFor(text), access });
  return {
    name: familiarReference(reference),
    manifest: async (signal) => {
      try {
        return (await repository.manifest(tag, signal)).bytes;
      } catch (error) {
        if (error instanceof EngineError && error.code === "not-found") return null;
        throw error;
      }
    },
    read: (blob, signal) => repository.blob(blob, 0, signal),
    has: (digest, signal) => repository.hasBlob(digest, signal),
    write: (blob, open, signal) => repository.uploadBlob(blob, { open }, signal),
    writeManifest: async (bytes, mediaType, signal) => {
      await repository.putManifest(tag, mediaType, bytes, signal);
    },
  };
}
