import type { Digest } from "../oci/digest.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import type { Catalog, CatalogImage } from "./catalog.ts";
import type { OutgoingImage } from "./kept-layers.ts";

/** Each one makes the token that is asked for larger. */
const repositoryLimit = 8;
const perBlob = 2;

export type MountSources = {
  /** Repositories of the registry, without its address. */
  readonly repositories: readonly string[];
  /** Those that should hold a blob. */
  readonly of: (blob: Digest) => readonly string[];
};

/** Where in the same registry blobs should lie already: in repositories that images with these blobs were pulled from or pushed to. */
export function mountSourcesOf(images: readonly OutgoingImage[], target: Reference, catalog: Catalog): MountSources {
  const wanted = new Set(images.flatMap(({ config, layers }) => [config, ...layers].map(({ digest }) => digest)));
  const sources = new Map<Digest, string[]>();
  const repositories = new Set<string>();
  for (const image of catalog.images) {
    const elsewhere = repositoriesOf(image, target).filter(
      (repository) => repositories.has(repository) || repositories.size < repositoryLimit,
    );
    if (elsewhere.length === 0) continue;
    for (const blob of [image.id, ...image.layers.map(({ blobDigest }) => blobDigest)]) {
      if (blob === null || !wanted.has(blob)) continue;
      const known = new Set([...(sources.get(blob) ?? []), ...elsewhere]);
      const kept = [...known].slice(0, perBlob);
      sources.set(blob, kept);
      for (const repository of kept) repositories.add(repository);
    }
  }
  return { repositories: [...repositories], of: (blob) => sources.get(blob) ?? [] };
}

function repositoriesOf(image: CatalogImage, target: Reference): string[] {
  return image.digests
    .map(({ repository }) => parseReference(repository))
    .filter(({ registry, repository }) => registry === target.registry && repository !== target.repository)
    .map(({ repository }) => repository);
}
