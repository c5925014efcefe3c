import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import type { SearchResult } from "../protocol/transfers.ts";
import type { Endpoint } from "./endpoint.ts";
import { parseAnswer, plainWords } from "./failures.ts";
import { documentLimit } from "./manifests.ts";
import { withRetries } from "./retry.ts";
import { listPages } from "./tag-list.ts";

/** Names looked at where a registry can only list them. */
const mostNames = 20_000;
const longestName = 255;
const longestDescription = 1_000;

const nothing = z.transform((value) => value ?? undefined);
const entry = z.object({
  name: z.string(),
  description: z.pipe(nothing, z.catch(z.string(), "")),
  star_count: z.pipe(nothing, z.catch(z.number(), 0)),
  is_official: z.pipe(nothing, z.catch(z.boolean(), false)),
});
const searchDocument = z.object({ results: z.pipe(nothing, z.catch(z.array(entry), [])) });

/**
 * `10.0.0.1:5000/web` is a search at a registry, `library/web` one at docker.io: the rule of docker's names. Fails with
 * `invalid-argument` for an empty term.
 */
export function splitSearchTerm(term: string): { registry: string; words: string } {
  const text = term.trim();
  const slash = text.indexOf("/");
  const first = slash === -1 ? "" : text.slice(0, slash);
  const isRegistry = /[.:]/.test(first) || first === "localhost";
  const isHub = !isRegistry || first === "docker.io" || first === "index.docker.io";
  const words = isRegistry ? text.slice(slash + 1) : text;
  if (words === "") throw new EngineError("invalid-argument", "a search needs a word to look for");
  return { registry: isHub ? "docker.io" : first, words: isHub ? words.replace(/^library\//, "") : words };
}

/** Docker Hub's and docker's own search, which only few other registries have. Null: this one has not. */
export async function searchByAPI(
  endpoint: Endpoint,
  { url, words, limit }: { readonly url: URL; readonly words: string; readonly limit: number },
  signal: AbortSignal,
): Promise<SearchResult[] | null> {
  const at = new URL(url);
  at.search = new URLSearchParams({ q: words, n: String(limit) }).toString();
  const what = `the search for ${JSON.stringify(plainWords(words, 60))}`;
  const answer = await withRetries(endpoint.patience, signal, () =>
    endpoint.ask({ method: "GET", at, expected: [200, 400, 401, 403, 404, 405], what, signal }),
  );
  if (answer.status !== 200 || !/json/.test(answer.header("content-type") ?? "")) {
    await answer.discard();
    return null;
  }
  const { results } = parseAnswer(searchDocument, await answer.bytes(documentLimit, what), what);
  return results.slice(0, limit).map((one) => ({
    name: plainWords(one.name, longestName),
    description: plainWords(one.description, longestDescription),
    stars: Math.max(0, Math.floor(one.star_count)),
    isOfficial: one.is_official,
  }));
}

/** The registry's repositories with these words in their names (distribution, docs/spec/api.md, "Listing Repositories"). */
export async function searchCatalog(
  endpoint: Endpoint,
  { words, limit }: { readonly words: string; readonly limit: number },
  signal: AbortSignal,
): Promise<SearchResult[]> {
  const found: SearchResult[] = [];
  const what = `the list of repositories of ${endpoint.name}`;
  const pages = listPages(endpoint, { path: "_catalog", key: "repositories", limit: mostNames, what, signal });
  for await (const names of pages) {
    for (const name of names) {
      if (name.includes(words.toLowerCase())) {
        found.push({ name: plainWords(name, longestName), description: "", stars: 0, isOfficial: false });
      }
    }
    if (found.length >= limit) break;
  }
  return found.slice(0, limit);
}
