import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isAttachmentTag, parseSignatures } from "../../../engine/images/trust-documents.ts";
import { parseKeys, verifySignature } from "../../../engine/images/trust-keys.ts";
import { checkPayload } from "../../../engine/images/trust-payload.ts";
import { sha256 } from "../../../engine/oci/digest.ts";
import { parseReference } from "../../../engine/oci/reference.ts";

const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();
const bytes = Buffer.from("what is signed");

describe("keys", () => {
  const pairs = {
    p256: { ...generateKeyPairSync("ec", { namedCurve: "P-256" }), hash: "sha256" },
    p384: { ...generateKeyPairSync("ec", { namedCurve: "P-384" }), hash: "sha256" },
    ed25519: { ...generateKeyPairSync("ed25519"), hash: null },
    rsa: { ...generateKeyPairSync("rsa", { modulusLength: 2048 }), hash: "sha256" },
  };

  it.each(Object.entries(pairs))("of kind %s verify what they signed and nothing else", async (_kind, pair) => {
    const [key] = parseKeys([pem(pair.publicKey)]);
    if (key === undefined) throw new Error("no key");
    const signature = sign(pair.hash, bytes, pair.privateKey);
    expect(await verifySignature(key, bytes, signature)).toBe(true);
    expect(await verifySignature(key, Buffer.from("what is not"), signature)).toBe(false);
    expect(await verifySignature(key, bytes, signature.subarray(1))).toBe(false);
    expect(await verifySignature(key, bytes, Buffer.alloc(0))).toBe(false);
    for (const other of Object.values(pairs)) {
      if (other === pair) continue;
      expect(await verifySignature(key, bytes, sign(other.hash, bytes, other.privateKey))).toBe(false);
    }
  });

  it("may stand together in one file, and in RSA's own form", () => {
    const text = pem(pairs.p256.publicKey) + pairs.rsa.publicKey.export({ type: "pkcs1", format: "pem" });
    expect(parseKeys([text, pem(pairs.ed25519.publicKey)])).toHaveLength(3);
  });

  it.each([
    ["nothing", "", "no public key"],
    ["other text", "hello", "no public key"],
    ["a private key", pairs.p256.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), "private key"],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "keyless"],
    ["a damaged key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "damaged"],
    ["a short RSA key", pem(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey), "too weak"],
    ["another curve", pem(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey), "secp256k1"],
    ["another kind", pem(generateKeyPairSync("x25519").publicKey), "x25519"],
  ])("are refused: %s", (_name, text, reason) => {
    expect(() => parseKeys([text])).toThrow(reason);
  });
});

describe("a payload", () => {
  const digest = sha256("an image");
  const payload = (name: string, more: object = {}) =>
    Buffer.from(
      JSON.stringify({
        critical: {
          identity: { "docker-reference": name },
          image: { "docker-manifest-digest": digest },
          type: "cosign container image signature",
          ...more,
        },
        optional: null,
      }),
    );
  const check = (bytes: Buffer, image = "docker.io/library/web:1", otherNames: string[] = []) =>
    checkPayload(bytes, { digest, reference: parseReference(image), otherNames });

  it("speaks of the image it was made for", () => {
    expect(check(payload("index.docker.io/library/web"))).toBeNull();
    expect(check(payload("docker.io/library/web:1"))).toBeNull();
    expect(check(payload("web"), `web@${digest}`)).toBeNull();
  });

  it("counts for no other name, tag or digest", () => {
    expect(check(payload("docker.io/library/other"))).toContain("made out to");
    expect(check(payload("docker.io/library/web:2"))).toContain("made out to");
    expect(check(payload(""))).toContain("made out to");
    const other = { image: { "docker-manifest-digest": sha256("another") } };
    expect(check(payload("web", other))).toContain(sha256("another"));
  });

  it("counts for a copy where that is allowed", () => {
    expect(check(payload("a.example/team/web"), "web", ["a.example/team"])).toBeNull();
    expect(check(payload("a.example/teams/web"), "web", ["a.example/team"])).toContain("made out to");
  });

  it.each([
    ["another type", payload("web", { type: "atomic container signature" })],
    ["no JSON", Buffer.from("{")],
    ["no digest", payload("web", { image: {} })],
  ])("is none: %s", (_name, bytes) => {
    expect(check(bytes)).toContain("no payload");
  });
});

it("tells tags of signatures from those of images", () => {
  const hex = sha256("x").slice(7);
  expect([`sha256-${hex}.sig`, `sha256-${hex}.att`, `sha256-${hex}`].map(isAttachmentTag)).toEqual([true, true, true]);
  expect(["latest", "sha256-abc", `sha256-${hex}-web`].map(isAttachmentTag)).toEqual([false, false, false]);
});

describe("the image of signatures", () => {
  const layer = (annotations?: Record<string, string>) => ({
    mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
    size: 3,
    digest: sha256("abc"),
    annotations,
  });
  const parse = (layers: object[]) =>
    parseSignatures(Buffer.from(JSON.stringify({ schemaVersion: 2, layers })), "signatures");

  it("is read layer by layer", () => {
    const signatures = parse([
      layer({ "dev.cosignproject.cosign/signature": "AAAA" }),
      layer({ "dev.cosignproject.cosign/signature": "A A" }),
      layer({ "dev.cosignproject.cosign/signature": "AAAA", "dev.sigstore.cosign/certificate": "x" }),
      { ...layer(), mediaType: "text/plain" },
      layer(),
    ]);
    expect(signatures.map(({ text, isKeyless }) => [text?.length ?? null, isKeyless])).toEqual([
      [3, false],
      [null, false],
      [3, true],
      [null, false],
    ]);
  });

  it("is refused with too many", () => {
    expect(() => parse(Array.from({ length: 101 }, () => layer()))).toThrow("more than 100 signatures");
  });
});
