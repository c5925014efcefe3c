import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { decodeJson } from "../lib/json.ts";
import { descriptorSchema, isImageConfigType, isIndexType, isLayerType, isManifestType } from "./descriptor.ts";
import { parseDocument } from "./parse.ts";

const layerLimit = 500;
const indexLimit = 1_000;

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.string()),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).check(z.maxLength(layerLimit)),
});
/** OCI image-spec, manifest.md; docker's schema 2 has the same form. */
export type Manifest = Readonly<z.infer<typeof manifestSchema>>;

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.string()),
  manifests: z.array(descriptorSchema).check(z.maxLength(indexLimit)),
});
/** OCI image-spec, image-index.md; docker's manifest list has the same form. */
export type Index = Readonly<z.infer<typeof indexSchema>>;

/** Reads the manifest of a container image. Fails with `corrupt`, `unimplemented` for an artifact that is none. */
export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  const document = decodeJson(bytes, what);
  refuseAmbiguity(document, ["manifests"], what);
  const manifest = parseDocument(manifestSchema, document, what);
  if (manifest.mediaType !== undefined && !isManifestType(manifest.mediaType)) {
    throw new EngineError("corrupt", `${what} calls itself ${manifest.mediaType.slice(0, 80)}`);
  }
  const type = manifest.config.mediaType;
  if (!isImageConfigType(type)) {
    throw new EngineError("unimplemented", `${what} is no container image: its config is ${type.slice(0, 80)}`);
  }
  const odd = manifest.layers.find((layer) => !isLayerType(layer.mediaType));
  if (odd !== undefined) {
    throw new EngineError("unimplemented", `${what} has a layer of unknown media type ${odd.mediaType.slice(0, 80)}`);
  }
  return manifest;
}

/** Reads an image index. Fails with `corrupt`. */
export function parseIndex(bytes: Uint8Array, what: string): Index {
  const document = decodeJson(bytes, what);
  refuseAmbiguity(document, ["config", "layers"], what);
  const index = parseDocument(indexSchema, document, what);
  if (index.mediaType !== undefined && !isIndexType(index.mediaType)) {
    throw new EngineError("corrupt", `${what} calls itself ${index.mediaType.slice(0, 80)}`);
  }
  return index;
}

/** One document must not be an index to one reader and a manifest to another (CVE-2021-41190). */
function refuseAmbiguity(document: unknown, fields: readonly string[], what: string): void {
  if (typeof document !== "object" || document === null) return;
  const field = fields.find((name) => name in document);
  if (field !== undefined) throw new EngineError("corrupt", `${what} has a field ${field} that does not belong there`);
}
