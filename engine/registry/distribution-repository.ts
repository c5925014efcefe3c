import { EngineError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isTag } from "../oci/reference.ts";
import { downloadBlob } from "./blob-download.ts";
import { BlobUpload, sessionOf, type UploadSession } from "./blob-upload.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryFailure } from "./failures.ts";
import { describeManifest, fetchManifest, type ManifestName, uploadManifest } from "./manifests.ts";
import type { FetchedManifest, Repository, UploadSource } from "./registry-client.ts";
import { withRetries } from "./retry.ts";
import { listPages } from "./tag-list.ts";

export type RepositoryOptions = {
  /** `docker.io/library/nginx`, for messages. */
  readonly name: string;
  /** `library/nginx` */
  readonly repository: string;
  /** Where it may be read, in the order to be asked; the last is the registry itself, where it is written. */
  readonly endpoints: () => Promise<readonly Endpoint[]>;
};

const mostTags = 100_000;
/** After these a mirror is asked for nothing more by this piece of work. */
const unusable = new Set(["unavailable", "unauthenticated", "permission-denied", "failed-precondition"]);

export class DistributionRepository implements Repository {
  readonly name: string;
  readonly #options: RepositoryOptions;
  readonly #dropped = new Set<Endpoint>();
  /** Uploads that the registry began when it could not mount a blob. */
  readonly #sessions = new Map<Digest, UploadSession>();
  #endpoints: Promise<readonly Endpoint[]> | null = null;

  constructor(options: RepositoryOptions) {
    this.name = options.name;
    this.#options = options;
  }

  manifest(tagOrDigest: string, signal: AbortSignal): Promise<FetchedManifest> {
    const name = this.#manifestName(tagOrDigest);
    return this.#readAnywhere((endpoint) =>
      withRetries(endpoint.patience, signal, () => fetchManifest(endpoint, name, signal)),
    );
  }

  async describe(tagOrDigest: string, signal: AbortSignal): Promise<Descriptor | null> {
    const name = this.#manifestName(tagOrDigest);
    const described = await this.#readAnywhere(async (endpoint) => {
      const found = await withRetries(endpoint.patience, signal, () => describeManifest(endpoint, name, signal));
      // A mirror may not have it yet.
      if (found === null && endpoint.isMirror) throw new RegistryFailure("not-found", `${name.what} not found`);
      return found;
    });
    return described === "unclear" ? this.#describeByFetching(tagOrDigest, signal) : described;
  }

  async *blob(blob: Descriptor, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const at = { position: offset };
    const name = { repository: this.#options.repository, blob, what: `blob ${shortOf(blob.digest)} of ${this.name}` };
    const endpoints = await this.#readable();
    for (const endpoint of endpoints) {
      try {
        yield* downloadBlob(endpoint, name, at, signal);
        return;
      } catch (error) {
        if (!this.#mayAskNext(endpoint, error)) throw error;
      }
    }
  }

  async hasBlob(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const endpoint = await this.#registry();
    const { repository } = this.#options;
    const what = `blob ${shortOf(digest)} of ${this.name}`;
    const answer = await withRetries(endpoint.patience, signal, () =>
      endpoint.ask({
        method: "HEAD",
        at: `${repository}/blobs/${digest}`,
        // Who sends elsewhere for the bytes has them.
        isFollowed: false,
        expected: [200, 301, 302, 303, 307, 308, 404],
        what,
        signal,
      }),
    );
    await answer.discard();
    return answer.status !== 404;
  }

  async mountBlob(digest: Digest, from: string, signal: AbortSignal): Promise<boolean> {
    const endpoint = await this.#registry();
    const query = new URLSearchParams({ mount: digest, from });
    const at = `${this.#options.repository}/blobs/uploads/?${query}`;
    const what = `blob ${shortOf(digest)} of ${from}`;
    // Who may not read there, or does not know mounting, uploads.
    const expected = [201, 202, 400, 401, 403, 404, 405];
    const answer = await withRetries(endpoint.patience, signal, () =>
      endpoint.ask({ method: "POST", at, expected, what, signal }),
    );
    await answer.discard();
    if (answer.status === 202) this.#sessions.set(digest, await sessionOf(endpoint, answer));
    return answer.status === 201;
  }

  async uploadBlob(blob: Descriptor, source: UploadSource, signal: AbortSignal): Promise<void> {
    const session = this.#sessions.get(blob.digest) ?? null;
    // With a session the registry has just said that it is not there.
    if (session === null && (await this.hasBlob(blob.digest, signal))) {
      source.onProgress?.(blob.size);
      return;
    }
    this.#sessions.delete(blob.digest);
    const endpoint = await this.#registry();
    const what = `blob ${shortOf(blob.digest)} of ${this.name}`;
    await new BlobUpload({ endpoint, repository: this.#options.repository, blob, source, what, signal }, session).run();
  }

  async putManifest(tagOrDigest: string, mediaType: string, bytes: Uint8Array, signal: AbortSignal): Promise<Digest> {
    const endpoint = await this.#registry();
    const upload = { ...this.#manifestName(tagOrDigest), mediaType, bytes };
    return withRetries(endpoint.patience, signal, () => uploadManifest(endpoint, upload, signal));
  }

  tags(signal: AbortSignal): Promise<string[]> {
    return this.#readAnywhere(async (endpoint) => {
      const path = `${this.#options.repository}/tags/list`;
      const options = { path, key: "tags", limit: mostTags, what: `the tags of ${this.name}`, signal };
      const tags = new Set<string>();
      for await (const page of listPages(endpoint, options)) for (const tag of page.filter(isTag)) tags.add(tag);
      return [...tags].slice(0, mostTags);
    });
  }

  async #describeByFetching(tagOrDigest: string, signal: AbortSignal): Promise<Descriptor | null> {
    try {
      return (await this.manifest(tagOrDigest, signal)).descriptor;
    } catch (error) {
      if (error instanceof EngineError && error.code === "not-found") return null;
      throw error;
    }
  }

  async #readAnywhere<T>(work: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    let failure: unknown = new EngineError("internal", `${this.name} has no registry`);
    for (const endpoint of await this.#readable()) {
      try {
        return await work(endpoint);
      } catch (error) {
        if (!this.#mayAskNext(endpoint, error)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  #mayAskNext(endpoint: Endpoint, error: unknown): boolean {
    if (!endpoint.isMirror || !(error instanceof EngineError) || error.code === "cancelled") return false;
    if (unusable.has(error.code)) this.#dropped.add(endpoint);
    return true;
  }

  async #readable(): Promise<readonly Endpoint[]> {
    return (await this.#all()).filter((endpoint) => !this.#dropped.has(endpoint));
  }

  async #registry(): Promise<Endpoint> {
    const registry = (await this.#all()).at(-1);
    if (registry === undefined) throw new EngineError("internal", `${this.name} has no registry`);
    return registry;
  }

  #all(): Promise<readonly Endpoint[]> {
    this.#endpoints ??= this.#options.endpoints();
    return this.#endpoints;
  }

  #manifestName(tagOrDigest: string): ManifestName {
    if (!isDigest(tagOrDigest) && !isTag(tagOrDigest)) {
      throw new EngineError(
        "invalid-argument",
        `${JSON.stringify(tagOrDigest.slice(0, 80))} is neither tag nor digest`,
      );
    }
    const what = isDigest(tagOrDigest) ? `${this.name}@${tagOrDigest}` : `${this.name}:${tagOrDigest}`;
    return { repository: this.#options.repository, tagOrDigest, what: `manifest ${what}` };
  }
}

function shortOf(digest: Digest): string {
  return digest.slice(0, "sha256:".length + 12);
}
