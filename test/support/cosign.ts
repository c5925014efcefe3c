import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type Digest, sha256 } from "../../engine/oci/digest.ts";
import type { TestRegistry } from "./registry.ts";

export type Signer = { readonly privateKey: KeyObject; readonly pem: string; readonly hash: string | null };

/** A key pair as `cosign generate-key-pair` makes it, or of another kind that cosign takes. */
export function makeSigner(kind: "ecdsa" | "ed25519" | "rsa" = "ecdsa"): Signer {
  const pair =
    kind === "ecdsa"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : kind === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: 2048 })
        : generateKeyPairSync("ed25519");
  const pem = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
  return { privateKey: pair.privateKey, pem, hash: kind === "ed25519" ? null : "sha256" };
}

export type SignatureLayer = { readonly payload: Buffer; readonly annotations: Readonly<Record<string, string>> };

/** What `cosign sign --key` signs and writes: specs/SIGNATURE_SPEC.md of cosign. */
export function makeSignature(signer: Signer, digest: Digest, name: string): SignatureLayer {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": name },
        image: { "docker-manifest-digest": digest },
        type: "cosign container image signature",
      },
      optional: null,
    }),
  );
  const signature = sign(signer.hash, payload, signer.privateKey).toString("base64");
  return { payload, annotations: { "dev.cosignproject.cosign/signature": signature } };
}

/** Puts signatures of an image where cosign puts them. */
export async function putSignatures(
  registry: TestRegistry,
  repository: string,
  image: { readonly digest: Digest; readonly signatures: readonly SignatureLayer[] },
): Promise<void> {
  const { digest, signatures } = image;
  const config = Buffer.from(
    JSON.stringify({
      architecture: "",
      created: "0001-01-01T00:00:00Z",
      history: [{ created: "0001-01-01T00:00:00Z" }],
      os: "",
      rootfs: { type: "layers", diff_ids: signatures.map(({ payload }) => sha256(payload)) },
      config: {},
    }),
  );
  await registry.putBlobs(repository, [config, ...signatures.map(({ payload }) => payload)]);
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      size: config.length,
      digest: sha256(config),
    },
    layers: signatures.map(({ payload, annotations }) => ({
      mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
      size: payload.length,
      digest: sha256(payload),
      annotations,
    })),
  };
  const tag = `${digest.replace(":", "-")}.sig`;
  await registry.putManifest(repository, tag, manifest.mediaType, Buffer.from(JSON.stringify(manifest)));
}
