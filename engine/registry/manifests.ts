import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { findJson } from "../lib/json.ts";
import { type Descriptor, isIndexType, isManifestType } from "../oci/descriptor.ts";
import { type Digest, isDigest, sha256 } from "../oci/digest.ts";
import type { Answer } from "./answer.ts";
import type { Endpoint } from "./endpoint.ts";
import { plainWords } from "./failures.ts";
import type { FetchedManifest } from "./registry-client.ts";
import { bodyOf } from "./token-server.ts";

export const documentLimit = 8 * 1024 * 1024;

const accept = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  // Some servers know files only.
  "*/*;q=0.5",
].join(", ");

export type ManifestName = {
  /** `library/nginx` */
  readonly repository: string;
  readonly tagOrDigest: string;
  /** For messages. */
  readonly what: string;
};

export async function fetchManifest(
  endpoint: Endpoint,
  { repository, tagOrDigest, what }: ManifestName,
  signal: AbortSignal,
): Promise<FetchedManifest> {
  const at = `${repository}/manifests/${tagOrDigest}`;
  const answer = await endpoint.ask({ method: "GET", at, headers: { accept }, expected: [200], what, signal });
  const bytes = await answer.bytes(documentLimit, what);
  const digest = sha256(bytes);
  const claimed = isDigest(tagOrDigest) ? tagOrDigest : answer.header("docker-content-digest");
  if (isDigest(claimed) && claimed !== digest) {
    throw new EngineError("corrupt", `${what} from ${answer.who} has digest ${digest} rather than ${claimed}`);
  }
  return { descriptor: { mediaType: mediaTypeOf(answer, bytes, what), digest, size: bytes.length }, bytes };
}

/** Null: there is none. `unclear`: the head does not say all, so the manifest itself must be fetched. */
export async function describeManifest(
  endpoint: Endpoint,
  { repository, tagOrDigest, what }: ManifestName,
  signal: AbortSignal,
): Promise<Descriptor | null | "unclear"> {
  const at = `${repository}/manifests/${tagOrDigest}`;
  const expected = [200, 404, 405];
  const answer = await endpoint.ask({ method: "HEAD", at, headers: { accept }, expected, what, signal });
  await answer.discard();
  if (answer.status === 404) return null;
  const mediaType = contentTypeOf(answer);
  const digest = answer.header("docker-content-digest");
  const size = answer.length;
  if (answer.status !== 200 || !isKnownType(mediaType) || !isDigest(digest) || size === null) return "unclear";
  if (isDigest(tagOrDigest) && digest !== tagOrDigest) {
    throw new EngineError("corrupt", `${answer.who} answers with ${digest} when asked for ${tagOrDigest}`);
  }
  return { mediaType, digest, size };
}

export type ManifestUpload = ManifestName & { readonly mediaType: string; readonly bytes: Uint8Array };

export async function uploadManifest(
  endpoint: Endpoint,
  { repository, tagOrDigest, what, mediaType, bytes }: ManifestUpload,
  signal: AbortSignal,
): Promise<Digest> {
  const digest = sha256(bytes);
  const answer = await endpoint.ask({
    method: "PUT",
    at: `${repository}/manifests/${tagOrDigest}`,
    headers: { "content-type": mediaType },
    body: bodyOf(bytes),
    expected: [200, 201, 202],
    what,
    signal,
  });
  await answer.discard();
  const claimed = answer.header("docker-content-digest");
  if (claimed !== undefined && claimed !== digest) {
    throw new EngineError("corrupt", `${answer.who} took ${what} as ${plainWords(claimed, 80)} rather than ${digest}`);
  }
  return digest;
}

const typedDocument = z.object({
  mediaType: z.optional(z.string()),
  schemaVersion: z.optional(z.number()),
  manifests: z.optional(z.array(z.unknown())),
  layers: z.optional(z.array(z.unknown())),
  config: z.optional(z.unknown()),
});

/** What the header says; where it says nothing that we know, what the document says of itself. */
function mediaTypeOf(answer: Answer, bytes: Buffer, what: string): string {
  const said = contentTypeOf(answer);
  if (isKnownType(said)) return said;
  if (/vnd\.docker\.distribution\.manifest\.v1/.test(said)) throw tooOld(what);
  const document = z.safeParse(typedDocument, findJson(bytes.toString())).data;
  if (document?.schemaVersion === 1) throw tooOld(what);
  const own = document?.mediaType ?? "";
  if (isKnownType(own)) return own;
  if (document?.schemaVersion === 2 && document.manifests !== undefined)
    return "application/vnd.oci.image.index.v1+json";
  if (document?.schemaVersion === 2 && document.layers !== undefined && document.config !== undefined) {
    return "application/vnd.oci.image.manifest.v1+json";
  }
  const type = said === "" ? "something" : plainWords(said, 80);
  throw new EngineError("corrupt", `${answer.who} answered with ${type} instead of ${what}`, {
    hint: "check that the address is that of a registry, and that no proxy or login page is in between",
  });
}

function tooOld(what: string): EngineError {
  return new EngineError("unimplemented", `${what} has docker's manifest schema 1, which is out of use`, {
    hint: "push the image again with a current tool",
  });
}

function contentTypeOf(answer: Answer): string {
  return (answer.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

function isKnownType(mediaType: string): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}
