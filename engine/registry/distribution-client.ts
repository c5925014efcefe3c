import { Agent, type IncomingMessage, request } from "node:http";
import { EngineError } from "../errors.ts";
import { isDigest, sha256 } from "../oci/digest.ts";
import type { RegistryClient, Repository } from "./registry-client.ts";

export type RegistryClientOptions = {
  /** Directory of the host's administrator: engine.json and certs.d. */
  readonly settings: string;
  /** Variables of the engine's process: HTTP_PROXY and its kin. */
  readonly environment: Readonly<Record<string, string | undefined>>;
};

const accepted = [
  "oci.image.index",
  "oci.image.manifest",
  "docker.distribution.manifest",
  "docker.distribution.manifest.list",
];
const accept = accepted
  .map((type) => `application/vnd.${type}.${type.startsWith("oci") ? "v1" : "v2"}+json`)
  .join(", ");

/** First version: plain http, no authentication, no retries. */
export function openRegistryClient(_options: RegistryClientOptions): RegistryClient {
  const agent = new Agent({ keepAlive: true });
  const missing = async (): Promise<never> => {
    throw new EngineError("unimplemented", "this is not there yet");
  };
  return {
    repository: ({ registry, repository }): Repository => {
      const ask = (method: string, path: string, signal: AbortSignal): Promise<IncomingMessage> =>
        new Promise((resolve, reject) => {
          const url = `http://${registry}/v2/${repository}/${path}`;
          request(url, { agent, method, signal, headers: { accept } }, resolve).on("error", reject).end();
        });
      const name = `${registry}/${repository}`;
      const manifest = async (tagOrDigest: string, signal: AbortSignal) => {
        const answer = await ask("GET", `manifests/${tagOrDigest}`, signal);
        const bytes = Buffer.concat(await answer.toArray());
        if (answer.statusCode !== 200) throw new EngineError("not-found", `manifest ${name}:${tagOrDigest} not found`);
        const mediaType = answer.headers["content-type"] ?? "";
        return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
      };
      return {
        name,
        manifest,
        describe: async (tagOrDigest, signal) => {
          const { headers, statusCode } = (await ask("HEAD", `manifests/${tagOrDigest}`, signal)).resume();
          const digest = headers["docker-content-digest"];
          if (statusCode === 404 || !isDigest(digest)) return null;
          return { mediaType: headers["content-type"] ?? "", digest, size: Number(headers["content-length"]) };
        },
        async *blob({ digest }, offset, signal) {
          let left = offset;
          for await (const chunk of await ask("GET", `blobs/${digest}`, signal)) {
            const skipped = Math.min(left, chunk.length);
            left -= skipped;
            if (skipped < chunk.length) yield chunk.subarray(skipped);
          }
        },
        hasBlob: missing,
        mountBlob: missing,
        uploadBlob: missing,
        putManifest: missing,
        tags: missing,
      };
    },
    search: missing,
    login: missing,
    [Symbol.asyncDispose]: async () => agent.destroy(),
  };
}
