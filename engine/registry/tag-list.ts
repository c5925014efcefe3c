import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import type { Answer } from "./answer.ts";
import type { Endpoint } from "./endpoint.ts";
import { parseAnswer } from "./failures.ts";
import { documentLimit } from "./manifests.ts";
import { withRetries } from "./retry.ts";

const pageSize = 1_000;
const mostPages = 1_000;

export type PagesOptions = {
  /** Below `/v2/`: `library/nginx/tags/list`. */
  readonly path: string;
  /** Key of the document that holds the names: `tags`, `repositories`. */
  readonly key: string;
  readonly limit: number;
  /** For messages. */
  readonly what: string;
  readonly signal: AbortSignal;
};

/** Names over all pages (distribution-spec 1.1, "Listing Tags"), at most `limit`. Fails with `corrupt` for a list that never ends. */
export async function* listPages(endpoint: Endpoint, options: PagesOptions): AsyncGenerator<readonly string[], void> {
  const { path, key, limit, what, signal } = options;
  const schema = z.object({ [key]: z.optional(z.nullable(z.array(z.string()))) });
  let at: string | URL = `${path}?n=${Math.min(pageSize, limit)}`;
  let count = 0;
  for (let page = 1; ; page += 1) {
    const here: string | URL = at;
    const { answer, bytes } = await withRetries(endpoint.patience, signal, async () => {
      const got = await endpoint.ask({ method: "GET", at: here, expected: [200], what, signal });
      return { answer: got, bytes: await got.bytes(documentLimit, what) };
    });
    const names = parseAnswer(schema, bytes, what)[key] ?? [];
    count += names.length;
    yield names;
    const next = nextPage(answer);
    if (next === null || count >= limit) return;
    if (page === mostPages || next.href === String(here) || names.length === 0) {
      throw new EngineError("corrupt", `${what} from ${answer.who} has no end`);
    }
    at = next;
  }
}

/** `Link: </v2/name/tags/list?n=100&last=x>; rel="next"` (RFC 5988). Null: this page was the last. */
function nextPage(answer: Answer): URL | null {
  const link = /<([^<>]+)>\s*;[^,]*\brel="?next\b/i.exec(answer.header("link") ?? "")?.[1];
  if (link === undefined || !URL.canParse(link, answer.url.href)) return null;
  const { pathname, search } = new URL(link, answer.url);
  // Whatever host it names: the list is at the one that gave this page.
  return new URL(`${answer.url.origin}${pathname}${search}`);
}
