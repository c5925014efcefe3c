import { EngineError } from "../errors.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import type { DiffID, Digest, ImageID } from "../oci/digest.ts";
import { isImageID } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { hostPlatform } from "../oci/platform.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  parseTaggedReference,
  type Reference,
} from "../oci/reference.ts";
import type { ImageRecord } from "./image-records.ts";

/** An image with all that is said about it often, held in memory. */
export type CatalogImage = ImageRecord & {
  /** Null where the config blob is lost or damaged. */
  readonly imageConfig: ImageConfig | null;
  /** DiffIDs, lowest first. */
  readonly chain: readonly DiffID[];
  /** Unpacked bytes of each layer; 0 for one that is not there. */
  readonly layerSizes: readonly number[];
  /** As people write them. */
  readonly names: readonly string[];
  /** `name@digest`, as people write them: as pulled and pushed. What no registry told is not said, as docker does. */
  readonly repoDigests: readonly string[];
};

/** What a person named: an image and, where it was by name, which one (normalized). */
export type Match = { readonly image: CatalogImage; readonly reference: string | null };

/** All images at one moment. Immutable: a change makes a new one. */
export class Catalog {
  /** Newest first, as docker lists them. */
  readonly images: readonly CatalogImage[];
  readonly #byID: ReadonlyMap<string, CatalogImage>;
  readonly #byReference: ReadonlyMap<string, CatalogImage>;
  readonly #byDigest: ReadonlyMap<string, readonly CatalogImage[]>;
  readonly #byLayer = new Map<DiffID, Set<CatalogImage>>();

  constructor(images: readonly CatalogImage[]) {
    this.images = images.toSorted(newestFirst);
    this.#byID = new Map(images.map((image) => [image.id, image]));
    this.#byReference = new Map(images.flatMap((image) => image.references.map((reference) => [reference, image])));
    this.#byDigest = mapDigests(this.images);
    for (const image of images) {
      for (const diffID of image.chain) {
        const holders = this.#byLayer.get(diffID) ?? new Set();
        this.#byLayer.set(diffID, holders.add(image));
      }
    }
  }

  findByID(id: ImageID): CatalogImage | null {
    return this.#byID.get(id) ?? null;
  }

  /** Reads what a person wrote: an ID, a name, or a unique prefix of an ID. `not-found`, `invalid-argument`. */
  get(text: string): Match {
    if (!isImageID(text)) {
      const named = this.#findNamed(text);
      if (named !== null) return named;
    }
    const image = this.#findByPrefix(text);
    if (image !== null) return { image, reference: null };
    throw notFound(text);
  }

  /** The image that bears a name (normalized), not one whose ID begins so. `not-found`. */
  getNamed(reference: string): CatalogImage {
    const image = this.#byReference.get(reference);
    if (image === undefined) throw notFound(familiarReference(parseReference(reference)));
    return image;
  }

  /** Images other than `image` that hold a layer. */
  sharersOf(diffID: DiffID, image: CatalogImage): CatalogImage[] {
    return this.holdersOf(diffID).filter((holder) => holder !== image);
  }

  holdersOf(diffID: DiffID): CatalogImage[] {
    return [...(this.#byLayer.get(diffID) ?? [])];
  }

  #findNamed(text: string): Match | null {
    // A bare ID prefix with its algorithm is no name, see parseImageName.
    if (text.startsWith("sha256:")) return null;
    if (/^[0-9a-f]{64}$/.test(text)) return null;
    const reference = parseTaggedReference(text);
    if (reference.digest !== null) return this.#findByDigest(reference);
    const normalized = formatReference(reference);
    const image = this.#byReference.get(normalized);
    return image === undefined ? null : { image, reference: normalized };
  }

  /** Images that a repository (`registry/repository`) knows by a digest: several where an index came for several platforms. */
  findByDigest(repository: string, digest: Digest): readonly CatalogImage[] {
    return this.#byDigest.get(`${repository}@${digest}`) ?? [];
  }

  /** An image for this host before one for another. */
  #findByDigest({ registry, repository, digest }: Reference): Match | null {
    if (digest === null) return null;
    const known = this.findByDigest(`${registry}/${repository}`, digest);
    const { architecture } = hostPlatform();
    const image = known.find((candidate) => candidate.architecture === architecture) ?? known[0];
    if (image === undefined) return null;
    const reference = image.references.find((name) => name.startsWith(`${registry}/${repository}:`));
    return { image, reference: reference ?? null };
  }

  #findByPrefix(text: string): CatalogImage | null {
    const prefix = text.startsWith("sha256:") ? text : `sha256:${text}`;
    if (!/^sha256:[0-9a-f]{1,64}$/.test(prefix)) return null;
    const [first, second] = this.images.filter((image) => image.id.startsWith(prefix));
    if (second !== undefined) {
      throw new EngineError("invalid-argument", `image ${text} is ambiguous: several IDs begin with it`, {
        hint: "write more digits of the ID",
      });
    }
    return first ?? null;
  }
}

function notFound(text: string): EngineError {
  return new EngineError("not-found", `no such image: ${text}`, {
    hint: "`gantry images` lists the images that are here",
  });
}

export function catalogImage(record: ImageRecord, imageConfig: ImageConfig | null, layers: LayerStore): CatalogImage {
  const chain = record.layers.map((layer) => layer.diffID);
  return {
    ...record,
    imageConfig,
    chain,
    layerSizes: layers.findAll(chain).map((layer) => layer?.size ?? 0),
    names: record.references.map((reference) => familiarReference(parseReference(reference))),
    repoDigests: record.digests.map(
      ({ repository, digest }) => `${familiarName(parseReference(repository))}@${digest}`,
    ),
  };
}

function mapDigests(images: readonly CatalogImage[]): ReadonlyMap<string, readonly CatalogImage[]> {
  const found = new Map<string, CatalogImage[]>();
  for (const image of images) {
    for (const { repository, digest } of image.digests) {
      const key = `${repository}@${digest}`;
      found.set(key, [...(found.get(key) ?? []), image]);
    }
  }
  return found;
}

/** `registry/repository`. */
export function repositoryOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** What to call an image in a sentence or a column: its first name, else its short ID. */
export function displayName(image: CatalogImage): string {
  return image.names[0] ?? shortID(image.id);
}

/** Twelve hex digits, as docker shows IDs. */
export function shortID(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}

function newestFirst(a: CatalogImage, b: CatalogImage): number {
  return Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.id < b.id ? -1 : 1);
}
