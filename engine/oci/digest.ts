import { createHash } from "node:crypto";

/** `sha256:` and 64 hex digits: the hash of exact bytes (OCI image-spec, descriptor.md, "Digests"). */
export type Digest = string & { readonly __brand: "Digest" };
/** Digest of a layer's uncompressed tar: names an unpacked, immutable, shared directory. */
export type DiffID = Digest & { readonly __diffID: true };
/** Digest of an image config: names an image. */
export type ImageID = Digest & { readonly __imageID: true };

const pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && pattern.test(value);
}

export function isDiffID(value: unknown): value is DiffID {
  return isDigest(value);
}

export function isImageID(value: unknown): value is ImageID {
  return isDigest(value);
}

export function sha256(bytes: Uint8Array | string): Digest {
  return digestOfHex(createHash("sha256").update(bytes).digest("hex"));
}

export function digestOfHex(hex: string): Digest {
  return `sha256:${hex}` as Digest;
}

/** The 64 hex digits: a directory or file name. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}
