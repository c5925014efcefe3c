import type { SearchResult } from "../../engine/protocol/transfers.ts";
import type { Removal } from "../../engine/protocol/upkeep.ts";

/** What a registry found; `results` is null while it looks. */
export type SearchView = {
  readonly kind: "search";
  readonly term: string;
  readonly results: readonly SearchResult[] | null;
  readonly error: string;
  readonly index: number;
};

/** What would go now, and how many bytes with it: those of the images, and what interrupted pulls have left. */
export type PrunePreview = { readonly removed: readonly Removal[]; readonly bytes: number };

/** `preview` is null while it is being worked out. */
export type PruneView = {
  readonly kind: "prune";
  /** All that no container uses; else only those without a name. */
  readonly all: boolean;
  readonly preview: PrunePreview | null;
  readonly error: string;
  readonly scroll: number;
};
