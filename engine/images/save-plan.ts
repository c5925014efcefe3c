import { EngineError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, hexOf, sha256 } from "../oci/digest.ts";
import { familiarName, familiarReference, formatReference, parseReference, type Reference } from "../oci/reference.ts";
import type { OutgoingDocument } from "./attestations.ts";
import type { Catalog, CatalogImage } from "./catalog.ts";
import type { SaveFormat } from "./image-service.ts";
import type { OutgoingImage } from "./kept-layers.ts";

/** An image to be saved, with the names that are to go with it: none where it was given by ID or digest. */
export type SavedImage = { readonly image: CatalogImage; readonly references: readonly Reference[] };

/** A file of the archive: its bytes, or a blob in the store. */
export type SaveEntry =
  | { readonly path: string; readonly size: number; readonly bytes: Buffer }
  | { readonly path: string; readonly size: number; readonly blob: Digest };

const mostImages = 1_000;

/**
 * Reads what was asked for as docker does: a name with a tag is that name, one without is all its tags, an ID or a digest is the image
 * without a name. Images in the order they were first named in, each once. Fails with `not-found`, `invalid-argument`.
 */
export function chooseImages(asked: readonly string[], catalog: Catalog): SavedImage[] {
  if (asked.length === 0) throw new EngineError("invalid-argument", "there is no image to save: none was named");
  if (asked.length > mostImages) {
    throw new EngineError("invalid-argument", `cannot save ${asked.length} images at once: ${mostImages} are the most`);
  }
  const chosen = new Map<string, { image: CatalogImage; names: Set<string> }>();
  const choose = (image: CatalogImage, name: string | null): void => {
    const known = chosen.get(image.id) ?? { image, names: new Set() };
    if (name !== null) known.names.add(name);
    chosen.set(image.id, known);
  };
  for (const text of asked) {
    const all = findAllTags(text, catalog);
    for (const { image, name } of all) choose(image, name);
    if (all.length > 0) continue;
    const { image, reference } = catalog.get(text);
    choose(image, text.includes("@") ? null : reference);
  }
  return [...chosen.values()].map(({ image, names }) => ({
    image,
    references: [...names].sort().map(parseReference),
  }));
}

/** The images behind a name without a tag; none where it is another kind of text. */
function findAllTags(text: string, catalog: Catalog): { image: CatalogImage; name: string }[] {
  // Of an ID, not a name.
  if (/^(?:sha256:)?[0-9a-f]{64}$/.test(text)) return [];
  const reference = parseReference(text);
  if (reference.tag !== null || reference.digest !== null) return [];
  const prefix = `${formatReference(reference)}:`;
  return catalog.images.flatMap((image) =>
    image.references.filter((name) => name.startsWith(prefix)).map((name) => ({ image, name })),
  );
}

export type SavePart = { readonly outgoing: OutgoingImage; readonly references: readonly Reference[] };

/**
 * The files of an archive, documents before layers, so that a reader of a stream knows what to do with those. Both formats are an OCI
 * layout (image-spec, image-layout.md); a docker-archive has `manifest.json` and `repositories` beside it as docker save writes it since
 * version 25: older readers, podman and skopeo go by these. Nothing in it depends on when or where it is made.
 */
export function archiveEntries(parts: readonly SavePart[], format: SaveFormat): SaveEntry[] {
  const documents = [
    documentEntry("oci-layout", '{"imageLayoutVersion":"1.0.0"}'),
    documentEntry("index.json", JSON.stringify(indexDocument(parts, format))),
  ];
  if (format === "docker-archive") {
    documents.push(documentEntry("manifest.json", JSON.stringify(dockerManifest(parts))));
    documents.push(documentEntry("repositories", JSON.stringify(repositories(parts))));
  }
  const blobs = new Map<Digest, SaveEntry>();
  for (const { outgoing } of parts) {
    const { manifest, bytes } = outgoing;
    blobs.set(manifest.digest, { path: pathOf(manifest.digest), size: bytes.length, bytes });
  }
  for (const document of parts.flatMap(documentsOf)) {
    const { descriptor, bytes } = document;
    blobs.set(descriptor.digest, { path: pathOf(descriptor.digest), size: bytes.length, bytes });
  }
  for (const { outgoing } of parts) blobs.set(outgoing.config.digest, blobEntry(outgoing.config));
  for (const layer of parts.flatMap(({ outgoing }) => outgoing.layers)) blobs.set(layer.digest, blobEntry(layer));
  return [...documents, ...blobs.values()];
}

/** What is said about an image. */
function documentsOf({ outgoing: { attested } }: SavePart): readonly OutgoingDocument[] {
  return attested === undefined ? [] : [attested.index, attested.manifest, ...attested.blobs];
}

function documentEntry(path: string, text: string): SaveEntry {
  const bytes = Buffer.from(text);
  return { path, size: bytes.length, bytes };
}

function blobEntry({ digest, size }: Descriptor): SaveEntry {
  return { path: pathOf(digest), size, blob: digest };
}

function pathOf(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function indexDocument(parts: readonly SavePart[], format: SaveFormat): object {
  const manifests = parts.flatMap(({ outgoing: { manifest, attested }, references }) => {
    const { mediaType, digest, size } = attested?.index.descriptor ?? manifest;
    if (references.length === 0) return [{ mediaType, digest, size }];
    return references.map((reference) => ({
      mediaType,
      digest,
      size,
      annotations: {
        "io.containerd.image.name": formatReference(reference),
        // docker writes the mere tag; podman and skopeo tell the images of an OCI archive apart by this, so there it is the whole name.
        "org.opencontainers.image.ref.name":
          format === "docker-archive" ? (reference.tag ?? "latest") : formatReference(reference),
      },
    }));
  });
  return { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
}

/** moby's image/spec/v1.2.md, "manifest.json". */
function dockerManifest(parts: readonly SavePart[]): object[] {
  return parts.map(({ outgoing, references }) => ({
    Config: pathOf(outgoing.config.digest),
    RepoTags: references.length === 0 ? null : references.map(familiarReference),
    Layers: outgoing.layers.map(({ digest }) => pathOf(digest)),
  }));
}

/** What readers of before manifest.json look for: tags by repository, each with the name of its topmost layer. */
function repositories(parts: readonly SavePart[]): Record<string, Record<string, string>> {
  const known: Record<string, Record<string, string>> = {};
  for (const { outgoing, references } of parts) {
    const top = hexOf(outgoing.layers.at(-1)?.digest ?? sha256(""));
    for (const reference of references) {
      const name = familiarName(reference);
      known[name] = { ...known[name], [reference.tag ?? "latest"]: top };
    }
  }
  return known;
}
