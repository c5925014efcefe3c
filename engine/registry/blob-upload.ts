import { EngineError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Answer } from "./answer.ts";
import type { Endpoint } from "./endpoint.ts";
import { plainWords, RegistryFailure } from "./failures.ts";
import type { UploadSource } from "./registry-client.ts";
import { Retries } from "./retry.ts";
import type { RequestBody } from "./transport.ts";

export type BlobUploadOptions = {
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly blob: Descriptor;
  readonly source: UploadSource;
  /** For messages. */
  readonly what: string;
  readonly signal: AbortSignal;
};

/** An upload that a registry began: where its bytes go, and in which portions. */
export type UploadSession = {
  readonly location: URL;
  /** Bytes; null: all at once. */
  readonly chunkSize: number | null;
};

/** For registries that want chunks: more than most ask for as the least, less than most allow. */
const usualChunk = 16 * 1024 * 1024;
const redirectLimit = 5;
/** Bytes between two failures that count as progress. */
const progress = 1024 * 1024;
/** Beginnings anew after the registry lost or spoiled what it had. */
const mostBeginnings = 3;

/**
 * Uploads a blob that the registry has not (distribution-spec 1.1, "Pushing blobs"): all at once by PUT; in chunks by PATCH where
 * the registry names a chunk size or finds the whole too large; after a cut from where the registry says it is.
 */
export class BlobUpload {
  readonly #options: BlobUploadOptions;
  #session: UploadSession | null;
  #offset = 0;
  #beginnings = 0;
  #isTooLarge = false;

  /** session: one that the registry began already, as after a mount that came to nothing. */
  constructor(options: BlobUploadOptions, session: UploadSession | null) {
    this.#options = options;
    this.#session = session;
  }

  async run(): Promise<void> {
    const { endpoint, signal } = this.#options;
    const retries = new Retries(endpoint.patience);
    let hasFailed = false;
    for (;;) {
      const before = this.#offset;
      try {
        if (hasFailed) await this.#findOffset();
        if (this.#offset - before >= progress) retries.reset();
        hasFailed = false;
        await this.#sendAll();
        return;
      } catch (error) {
        if (this.#startsAnew(error)) continue;
        hasFailed = true;
        await retries.next(error, signal).catch((last) => {
          this.#giveUp();
          throw last;
        });
      }
    }
  }

  /** What the registry has is of no use, or gone. */
  #startsAnew(error: unknown): boolean {
    if (!(error instanceof RegistryFailure) || this.#session === null || this.#beginnings >= mostBeginnings)
      return false;
    const isSpoilt = error.code === "corrupt" && this.#offset > 0;
    const isTooLarge = error.status === 413 && this.#session.chunkSize === null;
    if (error.status !== 404 && error.status !== 416 && !isSpoilt && !isTooLarge) return false;
    this.#giveUp();
    this.#session = null;
    this.#offset = 0;
    this.#isTooLarge ||= isTooLarge;
    return true;
  }

  async #sendAll(): Promise<void> {
    const { blob } = this.#options;
    this.#session ??= await this.#begin();
    const { chunkSize } = this.#session;
    if (this.#offset === 0 && (chunkSize === null || chunkSize >= blob.size))
      return this.#finish(this.#bodyOf(0, blob.size));
    while (this.#offset < blob.size) await this.#patch(Math.min(this.#offset + (chunkSize ?? blob.size), blob.size));
    return this.#finish(this.#bodyOf(blob.size, blob.size));
  }

  async #begin(): Promise<UploadSession> {
    const { endpoint, repository, what, signal } = this.#options;
    this.#beginnings += 1;
    const at = `${repository}/blobs/uploads/`;
    const answer = await endpoint.ask({ method: "POST", at, expected: [202], what, signal });
    await answer.discard();
    const session = await sessionOf(endpoint, answer);
    return this.#isTooLarge ? { ...session, chunkSize: session.chunkSize ?? usualChunk } : session;
  }

  /** Ends the upload with these bytes as its last. */
  async #finish(body: RequestBody): Promise<void> {
    const { blob, endpoint } = this.#options;
    const answer = await this.#send("PUT", body, { expected: [200, 201, 204], digest: blob.digest });
    await answer.discard();
    const claimed = answer.header("docker-content-digest");
    if (claimed !== undefined && claimed !== blob.digest) {
      throw new EngineError("corrupt", `${endpoint.name} took ${blob.digest} as ${plainWords(claimed, 80)}`);
    }
    this.#options.source.onProgress?.(blob.size);
  }

  async #patch(end: number): Promise<void> {
    const range = `${this.#offset}-${end - 1}`;
    const body = this.#bodyOf(this.#offset, end);
    const answer = await this.#send("PATCH", body, { expected: [201, 202, 204], range });
    await answer.discard();
    const taken = offsetOf(answer);
    if (taken !== null && (taken > end || taken <= this.#offset)) {
      throw new RegistryFailure(
        "corrupt",
        `${answer.who} says it has ${taken} bytes of ${this.#options.what} rather than ${end}`,
      );
    }
    this.#offset = taken ?? end;
    await this.#moveTo(answer);
  }

  /** Asks where the registry is, after a cut. */
  async #findOffset(): Promise<void> {
    const { endpoint, what, signal } = this.#options;
    if (this.#session === null) return;
    const { location } = this.#session;
    const expected = [200, 202, 204, 404, 405];
    const answer = await endpoint.ask({ method: "GET", at: location, expected, what, signal });
    await answer.discard();
    const offset = answer.status >= 400 ? null : offsetOf(answer);
    if (offset === null || offset > this.#options.blob.size) {
      // It is lost, or never was.
      this.#session = null;
      this.#offset = 0;
      return;
    }
    this.#offset = offset;
    await this.#moveTo(answer);
  }

  async #send(
    method: "PUT" | "PATCH",
    body: RequestBody,
    options: { readonly expected: readonly number[]; readonly digest?: string; readonly range?: string },
  ): Promise<Answer> {
    const { endpoint, what, signal } = this.#options;
    let at = this.#locationOf(options.digest);
    const headers: Record<string, string> = { "content-type": "application/octet-stream" };
    if (options.range !== undefined) headers["content-range"] = options.range;
    const expected = [...options.expected, 307, 308];
    for (let redirects = 0; ; redirects += 1) {
      const answer = await endpoint.ask({ method, at, headers, body, expected, what, signal });
      const location = answer.header("location");
      if (answer.status < 300) return answer;
      answer.destroy();
      if (location === undefined || redirects === redirectLimit) {
        throw new RegistryFailure("corrupt", `${answer.who} redirects the upload of ${what} to nowhere`);
      }
      at = await endpoint.transport.checkRedirect(location, at);
    }
  }

  #locationOf(digest: string | undefined): URL {
    const { location } = this.#session ?? {};
    if (location === undefined) throw new EngineError("internal", "an upload was not begun");
    const url = new URL(location);
    if (digest !== undefined) url.searchParams.set("digest", digest);
    return url;
  }

  async #moveTo(answer: Answer): Promise<void> {
    if (this.#session === null || answer.header("location") === undefined) return;
    const { location } = await sessionOf(this.#options.endpoint, answer);
    this.#session = { ...this.#session, location };
  }

  #bodyOf(from: number, end: number): RequestBody {
    const { source } = this.#options;
    return {
      size: end - from,
      open: async function* () {
        let position = from;
        if (position === end) return;
        for await (const chunk of source.open(from)) {
          const part = chunk.subarray(0, end - position);
          position += part.length;
          yield part;
          source.onProgress?.(position);
          if (position === end) return;
        }
      },
    };
  }

  /** Lets the registry drop what it has of this. Nobody waits for it. */
  #giveUp(): void {
    const { endpoint, what } = this.#options;
    const at = this.#session?.location;
    if (at === undefined) return;
    const signal = AbortSignal.timeout(5_000);
    const expected = [200, 202, 204, 404, 405];
    const dropped = endpoint.ask({ method: "DELETE", at, expected, what, signal });
    dropped.then((answer) => answer.discard()).catch(() => {});
  }
}

/** Reads what a registry says of an upload it began. Fails with `corrupt`. */
export async function sessionOf(endpoint: Endpoint, answer: Answer): Promise<UploadSession> {
  const text = answer.header("location");
  if (text === undefined) throw new RegistryFailure("corrupt", `${answer.who} does not say where an upload goes`);
  const least = answer.header("oci-chunk-min-length") ?? "";
  const chunkSize = /^\d{1,12}$/.test(least) ? Math.max(Number(least), usualChunk) : null;
  return { location: await resolveLocation(endpoint, text, answer.url), chunkSize };
}

/** Registries behind a TLS proxy often take themselves for http: the same host is still spoken to by https. */
async function resolveLocation(endpoint: Endpoint, text: string, from: URL): Promise<URL> {
  const url = URL.canParse(text, from.href) ? new URL(text, from) : null;
  if (url !== null && from.protocol === "https:" && url.protocol === "http:" && url.hostname === from.hostname) {
    return new URL(`${from.origin}${url.pathname}${url.search}`);
  }
  return endpoint.transport.checkRedirect(text, from);
}

/** The number of bytes a registry has, by its Range header (`0-99` is 100; docker's registry says `0-0` for none). Null: not said. */
function offsetOf(answer: Answer): number | null {
  const end = /^(?:bytes=)?0-(\d{1,15})$/.exec(answer.header("range") ?? "")?.[1];
  if (end === undefined) return null;
  return end === "0" ? 0 : Number(end) + 1;
}
