import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openPolicy } from "../../engine/images/policy.ts";
import { checkTrust } from "../../engine/images/trust.ts";
import { type Digest, sha256 } from "../../engine/oci/digest.ts";
import { parseReference } from "../../engine/oci/reference.ts";
import { openRegistryClient } from "../../engine/registry/distribution-client.ts";
import type { RegistryClient } from "../../engine/registry/registry-client.ts";
import { makeSignature, makeSigner, putSignatures, type SignatureLayer } from "../support/cosign.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { type TempRoot, tempRoot } from "../support/temp-root.ts";

let root: TempRoot;
let registry: TestRegistry;
let client: RegistryClient;
const signer = makeSigner();
const stranger = makeSigner();

beforeAll(async () => {
  root = await tempRoot();
  registry = await startRegistry();
  client = openRegistryClient({ settings: root.join("settings"), environment: {} });
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await root[Symbol.asyncDispose]();
});

const nameOf = (repository: string): string => `${registry.address}/${repository}`;
const digestOf = (repository: string): Digest => sha256(`the manifest of ${repository}`);

/** Signatures of the digest that stands for this repository's image. */
async function put(repository: string, signatures: readonly SignatureLayer[]): Promise<void> {
  await putSignatures(registry, repository, { digest: digestOf(repository), signatures });
}

function policyOf(value: unknown): string {
  const path = root.join("policies", `${sha256(JSON.stringify(value)).slice(7, 19)}.json`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value));
  return path;
}

type Options = { readonly keys?: readonly string[]; readonly policy?: unknown; readonly digests?: readonly Digest[] };

function check(repository: string, { keys = [], policy, digests }: Options): Promise<void> {
  const reference = parseReference(`${nameOf(repository)}:1`);
  return checkTrust({
    repository: client.repository(reference, { credentials: null, access: "pull" }),
    reference,
    digests: digests ?? [digestOf(repository)],
    keys,
    policy: openPolicy(policy === undefined ? root.join("none.json") : policyOf(policy)),
    signal: AbortSignal.timeout(20_000),
  });
}

const refused = (reason: string) => ({ code: "permission-denied", message: expect.stringContaining(reason) });

it.each(["ecdsa", "ed25519", "rsa"] as const)("lets pass what was signed with a key, %s", async (kind) => {
  const own = makeSigner(kind);
  const repository = `team/${kind}`;
  await put(repository, [makeSignature(own, digestOf(repository), nameOf(repository))]);
  await check(repository, { keys: [own.pem] });
  await expect(check(repository, { keys: [signer.pem] })).rejects.toMatchObject(refused("none of the keys made it"));
  // One of several is enough, of the keys as of the signatures.
  await put(repository, [
    makeSignature(stranger, digestOf(repository), nameOf(repository)),
    makeSignature(own, digestOf(repository), nameOf(repository)),
  ]);
  await check(repository, { keys: [signer.pem, own.pem] });
});

it("asks for nothing where nobody wants a signature", async () => {
  await registry.stop();
  await check("team/any", {});
  await registry.start();
});

it("takes a signature of the index or of the manifest", async () => {
  const [index, manifest] = [sha256("an index"), digestOf("team/multi")];
  await put("team/multi", [makeSignature(signer, manifest, nameOf("team/multi"))]);
  await check("team/multi", { keys: [signer.pem], digests: [index, manifest] });
  await expect(check("team/multi", { keys: [signer.pem], digests: [index] })).rejects.toMatchObject(
    refused("holds no signature"),
  );
});

const bad: Readonly<Record<string, readonly [reason: string, make: (name: string, digest: Digest) => SignatureLayer]>> =
  {
    "no signature": ["no signature in its annotations", (name, digest) => ({ ...good(name, digest), annotations: {} })],
    "another image's": ["it is a signature of", (name) => good(name, sha256("another"))],
    "another repository's": ["made out to", (_name, digest) => good("other.example/web", digest)],
    "changed bytes": [
      "none of the keys made it",
      (name, digest) => ({ ...good(name, digest), annotations: good(name, sha256("x")).annotations }),
    ],
    "a huge payload": [
      "at most 131072 are read",
      (name, digest) => ({ ...good(name, digest), payload: Buffer.alloc(131_073) }),
    ],
    "a keyless one": [
      "keyless",
      (name, digest) => {
        const { payload, annotations } = makeSignature(stranger, digest, name);
        return { payload, annotations: { ...annotations, "dev.sigstore.cosign/certificate": "-----BEGIN" } };
      },
    ],
  };

function good(name: string, digest: Digest): SignatureLayer {
  return makeSignature(signer, digest, name);
}

it.each(Object.entries(bad))("refuses %s", async (title, [reason, make]) => {
  const repository = `bad/${title.replaceAll(/[^a-z]/g, "-")}`;
  await put(repository, [make(nameOf(repository), digestOf(repository))]);
  await expect(check(repository, { keys: [signer.pem] })).rejects.toMatchObject(refused(reason));
  // It hides no good one.
  await put(repository, [
    make(nameOf(repository), digestOf(repository)),
    good(nameOf(repository), digestOf(repository)),
  ]);
  await check(repository, { keys: [signer.pem] });
});

it("refuses what nobody signed, and keys that are none", async () => {
  await expect(check("team/unsigned", { keys: [signer.pem] })).rejects.toMatchObject({
    ...refused("holds no signature"),
    hint: expect.stringContaining("cosign sign --key"),
  });
  await expect(check("team/unsigned", { keys: ["no key"] })).rejects.toMatchObject({ code: "invalid-argument" });
});

it("follows the policy, and asks for the user's keys on top of it", async () => {
  const key = root.join("team.pub");
  writeFileSync(key, signer.pem);
  const rules = [
    { match: registry.address, require: "reject" },
    { match: nameOf("policy"), require: "signed", keys: [key], signedAs: ["origin.example/team"] },
    { match: nameOf("policy/open"), require: "accept" },
  ];
  const policy = { rules };
  await put("policy/web", [makeSignature(signer, digestOf("policy/web"), nameOf("policy/web"))]);
  await put("policy/copy", [makeSignature(signer, digestOf("policy/copy"), "origin.example/team/copy")]);
  await check("policy/web", { policy });
  await check("policy/copy", { policy });
  await check("policy/open/web", { policy });
  await expect(check("elsewhere/web", { policy })).rejects.toMatchObject(refused("refused by the trust policy"));
  await expect(check("policy/unsigned", { policy })).rejects.toMatchObject(refused("the trust policy's rule for"));
  await expect(check("policy/web", { policy, keys: [stranger.pem] })).rejects.toMatchObject(refused("--verify"));
  await expect(check("policy/web", { policy: { rules: "none" } })).rejects.toMatchObject({
    code: "failed-precondition",
  });
});
