import * as z from "zod/mini";
import { EngineError } from "../../errors.ts";
import { decodeJson } from "../../lib/json.ts";
import { type Descriptor, descriptorSchema } from "../../oci/descriptor.ts";
import { type DiffID, type Digest, isDiffID, isDigest, sha256 } from "../../oci/digest.ts";
import type { CachedStep } from "./build-cache.ts";

/**
 * A build cache as it lies in a registry or in a directory: a manifest of OCI's form whose layers are those that steps have made, gzipped, and
 * whose config says by what key each step is found. Keys of other builders mean nothing here.
 */
export const cacheConfigType = "application/vnd.gantry.buildcache.config.v1+json";
export const cacheLayerType = "application/vnd.oci.image.layer.v1.tar+gzip";
export const manifestType = "application/vnd.oci.image.manifest.v1+json";

const mostLayers = 10_000;
const mostRecords = 10_000;
const longestDescription = 1_000;

const diffID = z.custom<DiffID>(isDiffID);
const configSchema = z.object({
  version: z.literal(1),
  /** diffID of each layer of the manifest. */
  layers: z.array(diffID).check(z.maxLength(mostLayers)),
  records: z
    .array(
      z.object({
        key: z.custom<Digest>(isDigest),
        chain: z.array(diffID).check(z.maxLength(500)),
        size: z.int().check(z.nonnegative()),
        createdAt: z.iso.datetime(),
        description: z.string(),
      }),
    )
    .check(z.maxLength(mostRecords)),
});
const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).check(z.maxLength(mostLayers)),
});

export type CacheRecordDocument = CachedStep & { readonly key: Digest; readonly description: string };
export type CacheManifest = Readonly<z.infer<typeof manifestSchema>>;

/** What a cache holds. */
export type CacheDocument = {
  readonly records: readonly CacheRecordDocument[];
  /** Blob of each layer. */
  readonly blobs: ReadonlyMap<DiffID, Descriptor>;
};

/** Fails with `corrupt`, `unimplemented` for something that is no cache of this engine. */
export function parseCacheManifest(bytes: Uint8Array, what: string): CacheManifest {
  const parsed = manifestSchema.safeParse(decodeJson(bytes, what));
  if (!parsed.success) throw new EngineError("corrupt", `${what} is no manifest`, { cause: parsed.error });
  const type = parsed.data.config.mediaType;
  if (type === cacheConfigType) return parsed.data;
  throw new EngineError("unimplemented", `${what} is no build cache of gantry, but ${type.slice(0, 80)}`);
}

/** Fails with `corrupt`. */
export function parseCacheConfig(bytes: Uint8Array, manifest: CacheManifest, what: string): CacheDocument {
  if (sha256(bytes) !== manifest.config.digest) throw new EngineError("corrupt", `the config of ${what} was changed`);
  const parsed = configSchema.safeParse(decodeJson(bytes, `the config of ${what}`));
  if (!parsed.success || parsed.data.layers.length !== manifest.layers.length) {
    throw new EngineError("corrupt", `the config of ${what} is not as it should be`);
  }
  const pairs = parsed.data.layers.flatMap((layer, index): [DiffID, Descriptor][] => {
    const blob = manifest.layers[index];
    return blob === undefined ? [] : [[layer, blob]];
  });
  return { records: parsed.data.records, blobs: new Map(pairs) };
}

export type FormattedCache = {
  readonly manifest: Buffer;
  readonly config: { readonly descriptor: Descriptor; readonly bytes: Buffer };
};

/** The same cache gives the same bytes. */
export function formatCache({ records, blobs }: CacheDocument): FormattedCache {
  const layers = [...blobs].sort(([one], [other]) => (one < other ? -1 : 1));
  const known = records
    .map((record) => ({ ...record, description: record.description.slice(0, longestDescription) }))
    .sort((one, other) => (one.key < other.key ? -1 : 1));
  const bytes = Buffer.from(JSON.stringify({ version: 1, layers: layers.map(([layer]) => layer), records: known }));
  const config = { mediaType: cacheConfigType, digest: sha256(bytes), size: bytes.length };
  const described = layers.map(([, { digest, size }]) => ({ mediaType: cacheLayerType, digest, size }));
  const document = { schemaVersion: 2, mediaType: manifestType, config, layers: described };
  return { manifest: Buffer.from(JSON.stringify(document)), config: { descriptor: config, bytes } };
}
