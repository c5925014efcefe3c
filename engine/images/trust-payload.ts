import * as z from "zod/mini";
import { findJson } from "../lib/json.ts";
import type { Digest } from "../oci/digest.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import { isWithin } from "./policy.ts";

/** Red Hat's simple signing, as cosign writes it. */
const payloadSchema = z.object({
  critical: z.object({
    type: z.literal("cosign container image signature"),
    identity: z.object({ "docker-reference": z.string().check(z.maxLength(512)) }),
    image: z.object({ "docker-manifest-digest": z.string().check(z.maxLength(512)) }),
  }),
});

/**
 * Why a payload that was rightly signed does not speak of this image, null where it does. cosign itself passes over the identity; but
 * then whoever may write to one repository could pass off another's signed image as its own.
 */
export function checkPayload(
  payload: Uint8Array,
  image: { readonly digest: Digest; readonly reference: Reference; readonly otherNames: readonly string[] },
): string | null {
  const parsed = payloadSchema.safeParse(findJson(Buffer.from(payload).toString("utf8")));
  if (!parsed.success) return "what was signed is no payload of cosign's for an image";
  const { identity, image: signed } = parsed.data.critical;
  if (signed["docker-manifest-digest"] !== image.digest) {
    return `it is a signature of ${shown(signed["docker-manifest-digest"])}`;
  }
  const claimed = identity["docker-reference"];
  return fits(claimed, image.reference, image.otherNames) ? null : `it is made out to ${shown(claimed)}`;
}

/** Names must be the same; a tag, which newer versions may add, must be the one asked for. */
function fits(claimed: string, reference: Reference, otherNames: readonly string[]): boolean {
  let signed: Reference;
  try {
    signed = parseReference(claimed);
  } catch {
    return false;
  }
  const isTag = signed.tag === null || reference.tag === null || signed.tag === reference.tag;
  const isName = signed.registry === reference.registry && signed.repository === reference.repository;
  const isOther = otherNames.some((prefix) => isWithin(`${signed.registry}/${signed.repository}`, prefix));
  return isTag && (isName || isOther);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
