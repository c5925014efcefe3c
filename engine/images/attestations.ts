import { EngineError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, hexOf, sha256 } from "../oci/digest.ts";
import { familiarName, type Reference } from "../oci/reference.ts";
import type { CatalogImage } from "./catalog.ts";
import type { StoredAttestation } from "./image-records.ts";
import type { Attestation } from "./image-service.ts";
import type { OutgoingImage } from "./kept-layers.ts";
import type { LeasedBlobs } from "./leased-blobs.ts";

/** A blob that is at hand. */
export type OutgoingDocument = { readonly descriptor: Descriptor; readonly bytes: Buffer };

/** What an image goes out as that something is said about: an index of its manifest and of that of the attestations. */
export type AttestedIndex = {
  readonly index: OutgoingDocument;
  readonly manifest: OutgoingDocument;
  /** What that manifest names. */
  readonly blobs: readonly OutgoingDocument[];
};

const ociTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
} as const;
const inTotoType = "application/vnd.in-toto+json";
/** An SBOM of very many packages has some. */
const predicateLimit = 256 * 1024 * 1024;

/** The image with the attestations that are kept of it. Fails with `failed-precondition` where one of them is lost. */
export async function attested(
  outgoing: OutgoingImage,
  image: CatalogImage,
  { blobs, references }: { readonly blobs: LeasedBlobs; readonly references: readonly Reference[] },
): Promise<OutgoingImage> {
  const stored = image.attestations ?? [];
  if (stored.length === 0) return outgoing;
  const attestations = await Promise.all(stored.map((attestation) => readAttestation(attestation, blobs)));
  return { ...outgoing, attested: attestedIndex(outgoing, attestations, { image, references }) };
}

async function readAttestation({ predicateType, digest }: StoredAttestation, blobs: LeasedBlobs): Promise<Attestation> {
  try {
    return { predicateType, predicate: await blobs.read(digest, predicateLimit) };
  } catch (error) {
    throw new EngineError("failed-precondition", `the attestation ${predicateType} of the image is lost`, {
      cause: error,
      hint: "build the image again",
    });
  }
}

type Subject = {
  readonly image: Pick<CatalogImage, "architecture" | "os" | "imageConfig">;
  readonly references: readonly Reference[];
};

/**
 * As BuildKit lays attestations out (moby/buildkit, docs/attestations/attestation-storage.md): in-toto statements are the layers of a manifest
 * that the index calls that of no platform, and that names the manifest it speaks of.
 */
export function attestedIndex(
  { manifest }: Pick<OutgoingImage, "manifest">,
  attestations: readonly Attestation[],
  subject: Subject,
): AttestedIndex {
  const platform = platformOf(subject);
  const names = subject.references.map((reference) => packageURL(reference, `${platform.os}/${platform.architecture}`));
  const statements = attestations.map(({ predicateType, predicate }) => ({
    ...documentOf(inTotoType, statementOf(predicateType, predicate, { names, digest: manifest.digest })),
    predicateType,
  }));
  const config = documentOf(ociTypes.config, {
    architecture: "unknown",
    os: "unknown",
    config: {},
    rootfs: { type: "layers", diff_ids: statements.map(({ descriptor }) => descriptor.digest) },
  });
  const about = documentOf(ociTypes.manifest, {
    schemaVersion: 2,
    mediaType: ociTypes.manifest,
    config: config.descriptor,
    layers: statements.map(({ descriptor, predicateType }) => ({
      ...descriptor,
      annotations: { "in-toto.io/predicate-type": predicateType },
    })),
  });
  const { mediaType, digest, size } = manifest;
  const annotations = {
    "vnd.docker.reference.digest": digest,
    "vnd.docker.reference.type": "attestation-manifest",
  };
  const unknown = { architecture: "unknown", os: "unknown" };
  const index = documentOf(ociTypes.index, {
    schemaVersion: 2,
    mediaType: ociTypes.index,
    manifests: [
      { mediaType, digest, size, platform },
      { ...about.descriptor, annotations, platform: unknown },
    ],
  });
  return { index, manifest: about, blobs: [config, ...statements] };
}

type Statement = { readonly names: readonly string[]; readonly digest: Digest };

/** in-toto attestation framework, Statement layer v0.1. Of the predicate not a byte is changed. */
function statementOf(predicateType: string, predicate: Buffer, { names, digest }: Statement): Buffer {
  const subjects = (names.length === 0 ? ["_"] : names).map((name) => ({ name, digest: { sha256: hexOf(digest) } }));
  const head = JSON.stringify({ _type: "https://in-toto.io/Statement/v0.1", predicateType, subject: subjects });
  return Buffer.concat([Buffer.from(`${head.slice(0, -1)},"predicate":`), predicate, Buffer.from("}")]);
}

function platformOf({ image }: Subject) {
  const { architecture, os, imageConfig } = image;
  return { architecture, os, ...(imageConfig?.variant ? { variant: imageConfig.variant } : {}) };
}

/** https://github.com/package-url/purl-spec, type docker. */
function packageURL(reference: Reference, platform: string): string {
  const name = familiarName(reference).split("/").map(encodeURIComponent).join("/");
  return `pkg:docker/${name}@${reference.tag ?? "latest"}?platform=${encodeURIComponent(platform)}`;
}

function documentOf(mediaType: string, content: object | Buffer): OutgoingDocument {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
}
