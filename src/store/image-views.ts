import type { SearchResult } from "../../engine/protocol/transfers.ts";

/** What a registry found; `results` is null while it looks. */
export type SearchView = {
  readonly kind: "search";
  readonly term: string;
  readonly results: readonly SearchResult[] | null;
  readonly error: string;
  readonly index: number;
};
