import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { CacheLocation } from "../../protocol/builds.ts";
import type { Credentials } from "../../protocol/transfers.ts";
import type { RegistryClient } from "../../registry/registry-client.ts";
import { localCache } from "./local-cache-place.ts";
import { registryCache } from "./registry-cache-place.ts";

/** Where a build cache is kept for other engines, or for later. Bytes that come from it are not checked. */
export interface CachePlace {
  /** For messages. */
  readonly name: string;
  /** Null where there is none. */
  manifest(signal: AbortSignal): Promise<Buffer | null>;
  /** Fails with `not-found`. */
  read(blob: Descriptor, signal: AbortSignal): AsyncIterable<Uint8Array>;
  has(digest: Digest, signal: AbortSignal): Promise<boolean>;
  /** bytes: gives them again each time it is called, from an offset on. */
  write(blob: Descriptor, bytes: (offset: number) => AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** After all that it names. */
  writeManifest(bytes: Buffer, mediaType: string, signal: AbortSignal): Promise<void>;
}

export type PlaceParts = {
  readonly registries: RegistryClient;
  readonly credentialsFor: (reference: string) => Credentials | null;
};

export function openCachePlace(location: CacheLocation, access: "pull" | "push", parts: PlaceParts): CachePlace {
  return location.type === "local" ? localCache(location.path) : registryCache(location.reference, access, parts);
}
