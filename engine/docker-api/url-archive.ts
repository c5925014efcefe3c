import { EngineError, messageOf } from "../errors.ts";

export type UrlArchive = { readonly url: string; readonly bytes: AsyncIterable<Uint8Array> };

/**
 * Opens what lies at a URL, http where it names no scheme, as docker's daemon does for an import. Fails with `invalid-argument`, `not-found`
 * or `unavailable` before the first byte.
 */
export async function openUrlArchive(text: string, signal: AbortSignal): Promise<UrlArchive> {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const shown = url.slice(0, 200);
  if (!/^https?:/i.test(url) || !URL.canParse(url)) {
    throw new EngineError("invalid-argument", `${JSON.stringify(shown)} is no URL of http or https`);
  }
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    throw new EngineError("unavailable", `${shown} cannot be fetched: ${reasonOf(cause)}`, { cause });
  });
  if (response.ok && response.body !== null) return { url, bytes: response.body };
  await response.body?.cancel();
  const code = response.status === 404 ? "not-found" : "unavailable";
  throw new EngineError(code, `${shown} cannot be fetched: its server answers with status ${response.status}`);
}

/** What Node's fetch knows lies below its own words. */
function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
}
