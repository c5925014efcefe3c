import { randomBytes } from "node:crypto";
import type { Descriptor } from "../../engine/oci/descriptor.ts";
import { sha256 } from "../../engine/oci/digest.ts";
import { parseReference } from "../../engine/oci/reference.ts";
import type { Credentials } from "../../engine/protocol/transfers.ts";
import { openRegistryClient } from "../../engine/registry/distribution-client.ts";
import type { Access, RegistryClient, Repository } from "../../engine/registry/registry-client.ts";
import type { Patience } from "../../engine/registry/retry.ts";
import type { TestRegistry } from "./registry.ts";

export const ann: Credentials = { type: "password", username: "ann", password: "open sesame" };

/** A client without settings of any host, which does not wait long. */
export function testClient(
  options: { settings?: string; environment?: Record<string, string>; patience?: Partial<Patience> } = {},
): RegistryClient {
  return openRegistryClient({
    settings: options.settings ?? "/nowhere",
    environment: options.environment ?? {},
    patience: { firstDelay: 5, ...options.patience },
  });
}

export type OpenOptions = { credentials?: Credentials | null; access?: Access; mountFrom?: readonly string[] };

/** `name`: as people write it, `127.0.0.1:5000/team/web`. */
export function openRepository(client: RegistryClient, name: string, options: OpenOptions = {}): Repository {
  const { credentials = null, access = "pull", mountFrom = [] } = options;
  return client.repository(parseReference(name), { credentials, access, mountFrom });
}

export type TestBlob = { readonly bytes: Buffer; readonly descriptor: Descriptor };

export function blobOf(bytes: Buffer): TestBlob {
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  return { bytes, descriptor: { mediaType, digest: sha256(bytes), size: bytes.length } };
}

export function randomBlob(size: number): TestBlob {
  return blobOf(randomBytes(size));
}

/** Puts `team/web:1` with one layer into a registry. */
export async function putWeb(registry: TestRegistry, layer: TestBlob = randomBlob(100_000)) {
  const { mediaType } = layer.descriptor;
  const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');
  const manifest = await registry.putImage("team/web", "1", { layers: [{ mediaType, bytes: layer.bytes }], config });
  return { manifest, layer };
}

export async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An upload's source; counts how often it was opened and where. */
export function sourceOf({ bytes }: TestBlob, chunkSize = 64 * 1024) {
  const opened: number[] = [];
  const progress: number[] = [];
  return {
    opened,
    progress,
    open: async function* (offset: number) {
      opened.push(offset);
      for (let at = offset; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize);
    },
    onProgress: (position: number) => void progress.push(position),
  };
}
