import { EngineError } from "../../errors.ts";
import { type Descriptor, isIndexType } from "../../oci/descriptor.ts";
import { sha256 } from "../../oci/digest.ts";
import { parseImageConfig } from "../../oci/image-config.ts";
import { parseIndex, parseManifest } from "../../oci/manifest.ts";
import { parseTaggedReference } from "../../oci/reference.ts";
import type { FetchedManifest, Repository } from "../../registry/registry-client.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { ApiCall } from "../api-call.ts";
import { registryAuthOf } from "../registry-auth.ts";
import type { Route } from "../router.ts";

/** Bytes of an image config. */
const longestDocument = 8 * 1024 * 1024;

type PlatformJson = { readonly architecture: string; readonly os: string; readonly variant?: string | undefined };

export function distributionRoutes(parts: ServerParts): Route[] {
  return [{ method: "GET", path: "/distribution/{name...}/json", handle: (call) => describe(parts, call) }];
}

/** What a registry has under a name, without its layers. */
async function describe({ registries }: ServerParts, call: ApiCall): Promise<void> {
  const reference = parseTaggedReference(call.param("name"));
  const repository = registries.repository(reference, { credentials: registryAuthOf(call), access: "pull" });
  const found = await repository.manifest(reference.digest ?? reference.tag ?? "latest", call.signal);
  const { mediaType, digest, size } = found.descriptor;
  const platforms = isIndexType(mediaType)
    ? platformsOf(found, repository.name)
    : [await platformOf(found, repository, call.signal)];
  call.reply(200, { Descriptor: { mediaType, digest, size }, Platforms: platforms });
}

function platformsOf({ bytes }: FetchedManifest, what: string): PlatformJson[] {
  return parseIndex(bytes, what).manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
}

async function platformOf(
  { bytes }: FetchedManifest,
  repository: Repository,
  signal: AbortSignal,
): Promise<PlatformJson> {
  const { config } = parseManifest(bytes, repository.name);
  const bytesOfConfig = await fetchDocument(repository, config, signal);
  const { architecture, os, variant } = parseImageConfig(bytesOfConfig, repository.name);
  return { architecture: architecture ?? "", os: os ?? "linux", ...(variant ? { variant } : {}) };
}

async function fetchDocument(repository: Repository, blob: Descriptor, signal: AbortSignal): Promise<Buffer> {
  if (blob.size > longestDocument) throw new EngineError("corrupt", `the config of ${repository.name} is too long`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of repository.blob(blob, 0, signal)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (sha256(bytes) === blob.digest) return bytes;
  throw new EngineError("corrupt", `the config of ${repository.name} does not have the digest ${blob.digest}`);
}
