import { EngineError } from "../errors.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Repository } from "../registry/registry-client.ts";
import type { TrustPolicy } from "./policy.ts";
import { parseSignatures, readPayload, type Signature } from "./trust-documents.ts";
import { parseKeys, type VerifyKey, verifySignature } from "./trust-keys.ts";
import { checkPayload } from "./trust-payload.ts";

export type TrustRequest = {
  readonly repository: Repository;
  /** As it was asked for. */
  readonly reference: Reference;
  /** What was resolved: the index, if there is one, then the manifest. A signature of any of them is one of what runs. */
  readonly digests: readonly Digest[];
  /** PEM public keys given by the user, one of which must have signed; none: only the policy counts. */
  readonly keys: readonly string[];
  readonly policy: TrustPolicy;
  readonly signal: AbortSignal;
};

/**
 * Lets an image pass that the policy accepts, and that was signed where the policy or the user wants that: by `cosign sign --key`, with
 * one of their keys. To be called before any layer is taken; who calls names the image in the message. Fails with `permission-denied` and the reason, `failed-precondition`
 * for a policy that cannot be read, `invalid-argument` for keys that are none, or as the registry does.
 */
export async function checkTrust(request: TrustRequest): Promise<void> {
  const rule = await request.policy.ruleFor(request.reference);
  if (rule.require === "reject") {
    throw new EngineError("permission-denied", `refused by the trust policy's rule for ${rule.match}`, {
      hint: "the administrator of this host allows what may be pulled in policy.json",
    });
  }
  const demands: Demand[] = [];
  if (rule.require === "signed") {
    demands.push({ by: `the trust policy's rule for ${rule.match}`, keys: parseKeys(rule.keys), names: rule.signedAs });
  }
  if (request.keys.length > 0) demands.push({ by: "--verify", keys: parseKeys(request.keys), names: [] });
  if (demands.length === 0) return;
  const signatures = await findSignatures(request);
  const payloads: Payloads = new Map();
  for (const demand of demands) await requireSignature({ ...request, payloads }, demand, signatures);
}

/** What was signed, by digest, or why it cannot be had: several keys often sign the same bytes. */
type Payloads = Map<Digest, Buffer | string>;
type Check = TrustRequest & { readonly payloads: Payloads };

/** Who wants a signature, by which keys, made out to which other repositories beside the image's own. */
type Demand = { readonly by: string; readonly keys: readonly VerifyKey[]; readonly names: readonly string[] };

/** A signature beside the digest whose tag it was found under. */
type Found = { readonly signature: Signature; readonly digest: Digest };

async function requireSignature(request: Check, demand: Demand, found: readonly Found[]): Promise<void> {
  const reasons: string[] = [];
  for (const { signature, digest } of found) {
    const reason = await findFault(request, demand, { signature, digest });
    if (reason === null) return;
    reasons.push(reason);
  }
  throw untrusted(request, demand, found, reasons);
}

/** Why a signature does not count, null for a good one. */
async function findFault(request: Check, demand: Demand, found: Found): Promise<string | null> {
  const { signature, digest } = found;
  if (signature.text === null) return "it has no signature in its annotations";
  const payload = await payloadOf(request, signature);
  if (typeof payload === "string") return payload;
  // Nothing is read of a payload that nobody vouches for.
  if (!(await isSignedByOne(demand.keys, payload, signature.text))) return "none of the keys made it";
  return checkPayload(payload, { digest, reference: request.reference, otherNames: demand.names });
}

async function payloadOf({ repository, payloads, signal }: Check, { payload }: Signature): Promise<Buffer | string> {
  const known = payloads.get(payload.digest);
  if (known !== undefined) return known;
  const result = await readPayload(repository, payload, signal).catch((error: unknown) => {
    // A damaged one must not hide a good one behind it.
    if (error instanceof EngineError && ["corrupt", "not-found"].includes(error.code)) return error.message;
    throw error;
  });
  payloads.set(payload.digest, result);
  return result;
}

async function isSignedByOne(keys: readonly VerifyKey[], payload: Buffer, signature: Buffer): Promise<boolean> {
  for (const key of keys) if (await verifySignature(key, payload, signature)) return true;
  return false;
}

/** The signatures of all digests; none where there is no tag for them. */
async function findSignatures(request: TrustRequest): Promise<Found[]> {
  const found: Found[] = [];
  for (const digest of new Set(request.digests)) {
    const tag = `sha256-${hexOf(digest)}.sig`;
    try {
      const { bytes } = await request.repository.manifest(tag, request.signal);
      const signatures = parseSignatures(bytes, `${request.repository.name}:${tag}`);
      found.push(...signatures.map((signature) => ({ signature, digest })));
    } catch (error) {
      if (!(error instanceof EngineError && error.code === "not-found")) throw error;
    }
  }
  return found;
}

function untrusted(
  request: TrustRequest,
  demand: Demand,
  found: readonly Found[],
  reasons: readonly string[],
): EngineError {
  const what = `not signed as ${demand.by} asks`;
  const cosign = "cosign sign --key, with --new-bundle-format=false from version 3 on";
  if (found.length === 0) {
    const reason = `${request.repository.name} holds no signature of ${request.digests[0] ?? "it"}`;
    return new EngineError("permission-denied", `${what}: ${reason}`, { hint: `sign it by ${cosign}` });
  }
  if (found.every(({ signature }) => signature.isKeyless)) {
    const reason = "its signatures were made keyless, with a certificate, which is not supported";
    return new EngineError("permission-denied", `${what}: ${reason}`, { hint: `sign it by ${cosign}` });
  }
  // What is wrong with one that a right key made says more than that others are by strangers.
  const reason = reasons.find((text) => text !== "none of the keys made it") ?? reasons[0];
  const counted = found.length === 1 ? "its signature does not count" : `none of its ${found.length} signatures counts`;
  return new EngineError("permission-denied", `${what}: ${counted}: ${reason}`, {
    hint: "check that the public key belongs to the one it was signed with",
  });
}
