import * as z from "zod/mini";
import { type Digest, isDigest } from "./digest.ts";

/** zod's view of a digest; other algorithms than sha256 are refused. */
const digestSchema = z.custom<Digest>(isDigest, "not a sha256 digest");

const platformSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  variant: z.optional(z.string()),
});

/** OCI image-spec, descriptor.md. */
export const descriptorSchema = z.object({
  mediaType: z.string(),
  digest: digestSchema,
  size: z.int().check(z.nonnegative()),
  platform: z.optional(platformSchema),
  annotations: z.optional(z.nullable(z.record(z.string(), z.string()))),
});
export type Descriptor = Readonly<z.infer<typeof descriptorSchema>>;

const mediaTypes = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
} as const;

export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerIndex;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest;
}

export function isImageConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig;
}

/** True for the tars of file systems, whatever their compression (OCI image-spec, layer.md; docker's schema 2). */
export function isLayerType(mediaType: string): boolean {
  return (
    /^application\/vnd\.oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+gzip|\+zstd)?$/.test(mediaType) ||
    /^application\/vnd\.docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.gzip|\.zstd)?$/.test(mediaType)
  );
}
