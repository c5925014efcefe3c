import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { decodeJson } from "../lib/json.ts";
import { type Descriptor, descriptorSchema } from "../oci/descriptor.ts";
import { sha256 } from "../oci/digest.ts";
import { parseDocument } from "../oci/parse.ts";
import type { Repository } from "../registry/registry-client.ts";

/** cosign's specs/SIGNATURE_SPEC.md. */
const payloadType = "application/vnd.dev.cosign.simplesigning.v1+json";
const signatureAnnotation = "dev.cosignproject.cosign/signature";
const certificateAnnotation = "dev.sigstore.cosign/certificate";

const signatureLimit = 100;
const payloadLimit = 128 * 1024;
/** RSA of 16,384 bits makes 2 KiB. */
const signatureBytes = 4_096;

/** Tags of what belongs to an image without being one: cosign's, and those of registries without referrers (distribution-spec 1.1). */
export function isAttachmentTag(tag: string): boolean {
  return /^sha256-[0-9a-f]{64}(?:\.[a-z]+)?$/.test(tag);
}

export type Signature = {
  readonly payload: Descriptor;
  /** Null where the annotation is missing or no base64. */
  readonly text: Buffer | null;
  /** It came with a certificate instead of being made by a key that is known. */
  readonly isKeyless: boolean;
};

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  layers: z
    .array(descriptorSchema)
    .check(z.maxLength(signatureLimit, `an image with more than ${signatureLimit} signatures is refused`)),
});

/** Reads the image that holds an image's signatures, one a layer. Layers of another kind are passed over. Fails with `corrupt`. */
export function parseSignatures(bytes: Uint8Array, what: string): Signature[] {
  const manifest = parseDocument(manifestSchema, decodeJson(bytes, what), what);
  return manifest.layers
    .filter((layer) => layer.mediaType === payloadType)
    .map((payload) => ({
      payload,
      text: decodeSignature(payload.annotations?.[signatureAnnotation]),
      isKeyless: payload.annotations?.[certificateAnnotation] !== undefined,
    }));
}

function decodeSignature(text: string | undefined): Buffer | null {
  if (text === undefined || text.length > signatureBytes * 2) return null;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  return Buffer.from(text, "base64");
}

/** The bytes that were signed, checked against their descriptor. Fails with `corrupt`. */
export async function readPayload(repository: Repository, payload: Descriptor, signal: AbortSignal): Promise<Buffer> {
  const what = `signature ${payload.digest} of ${repository.name}`;
  if (payload.size > payloadLimit) {
    throw new EngineError("corrupt", `${what} has ${payload.size} bytes, at most ${payloadLimit} are read`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of repository.blob(payload, 0, signal)) {
    size += chunk.length;
    if (size > payload.size)
      throw new EngineError("corrupt", `${what} is longer than the ${payload.size} bytes it has`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (sha256(bytes) !== payload.digest) {
    throw new EngineError("corrupt", `${what} has other bytes: they hash to ${sha256(bytes)}`);
  }
  return bytes;
}
