import { gzipSync, zstdCompressSync } from "node:zlib";
import type { PullRequest } from "../../engine/images/image-service.ts";
import { imageParts, type LayerItems } from "./images-archives.ts";
import type { TestRegistry } from "./registry.ts";

const compressions = {
  none: { suffix: "", compress: (tar: Buffer) => tar },
  gzip: { suffix: "+gzip", compress: (tar: Buffer) => gzipSync(tar, { level: 1 }) },
  zstd: { suffix: "+zstd", compress: (tar: Buffer) => zstdCompressSync(tar) },
} as const;

export type PutOptions = {
  readonly compression?: keyof typeof compressions;
  /** More for the image config. */
  readonly config?: Record<string, unknown>;
};

/** Puts an image made by hand into a registry; gives its manifest's descriptor, its config and its compressed layers. */
export async function putLayers(
  registry: TestRegistry,
  name: string,
  layers: readonly LayerItems[],
  put: PutOptions = {},
) {
  const [repository = "", tag = "latest"] = name.split(":");
  const { tars, config } = await imageParts(layers, put.config);
  const { suffix, compress } = compressions[put.compression ?? "gzip"];
  const mediaType = `application/vnd.oci.image.layer.v1.tar${suffix}`;
  const blobs = tars.map((tar) => ({ mediaType, bytes: compress(tar) }));
  return { manifest: await registry.putImage(repository, tag, { layers: blobs, config }), config, blobs };
}

/** A pull by an anonymous user of this host. */
export function pullOf(reference: string, more: Partial<PullRequest> = {}): PullRequest {
  return { reference, allTags: false, platform: null, credentials: null, verifyKeys: [], ...more };
}
