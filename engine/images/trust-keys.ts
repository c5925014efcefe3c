import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { EngineError, messageOf } from "../errors.ts";

const keyLimit = 32;
const textLimit = 64 * 1024;
const weakestRSA = 2_048;
const curves = new Set(["prime256v1", "secp384r1", "secp521r1"]);

/** A public key whose signatures are understood; `hash` null for Ed25519, which has its own. */
export type VerifyKey = { readonly key: KeyObject; readonly hash: string | null };

/** Reads PEM texts, each with one key or several. Fails with `invalid-argument`. */
export function parseKeys(texts: readonly string[]): VerifyKey[] {
  const keys = texts.flatMap(parseText);
  if (keys.length > keyLimit) throw invalid(`there are ${keys.length} of them, at most ${keyLimit} are taken`);
  return keys;
}

function parseText(text: string): VerifyKey[] {
  if (text.length > textLimit) throw invalid(`it has more than ${textLimit} characters`);
  // createPublicKey would take these, too, and make a public key of them.
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw invalid("it is a private key", "give the public one");
  if (text.includes("-----BEGIN CERTIFICATE-----")) {
    throw invalid("it is a certificate, and keyless signatures are not supported", "give a public key");
  }
  const blocks = text.match(/-----BEGIN (?:RSA )?PUBLIC KEY-----[\s\S]*?-----END (?:RSA )?PUBLIC KEY-----/g);
  if (blocks === null) throw invalid("it is no public key in PEM form");
  return blocks.map(parseKey);
}

function parseKey(pem: string): VerifyKey {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: "pem" });
  } catch (error) {
    throw invalid(`it is damaged: ${messageOf(error)}`);
  }
  const { modulusLength = 0, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return { key, hash: null };
    case "ec":
      if (!curves.has(namedCurve)) throw invalid(`its curve ${namedCurve} is none that cosign uses`);
      return { key, hash: "sha256" };
    case "rsa":
      if (modulusLength < weakestRSA) throw invalid(`RSA with ${modulusLength} bits is too weak`);
      return { key, hash: "sha256" };
    default:
      throw invalid(`its kind ${key.asymmetricKeyType} is not supported`, "give an ECDSA, Ed25519 or RSA key");
  }
}

function invalid(reason: string, hint = "give the file that `cosign generate-key-pair` calls cosign.pub"): EngineError {
  return new EngineError("invalid-argument", `a key to verify images with cannot be used: ${reason}`, { hint });
}

/** True if the key's owner signed these bytes: ECDSA in ASN.1 form, Ed25519, or RSA with PKCS #1 v1.5. Off the main thread. */
export function verifySignature(
  { key, hash }: VerifyKey,
  payload: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verify(hash, payload, { key, dsaEncoding: "der" }, signature, (error, isGood) => {
      if (error === null) resolve(isGood);
      // What is no signature in the key's form at all.
      else if ("code" in error && String(error.code).startsWith("ERR_OSSL")) resolve(false);
      else reject(EngineError.wrap("verify a signature", error));
    });
  });
}
