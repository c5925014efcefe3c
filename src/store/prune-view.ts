/** Of what a preview of a prune is. */
export type PruneKind = "images" | "containers" | "networks" | "volumes";

/** What would go. `name` is null where it has none; `size` (bytes) where nobody knows. */
export type PruneRow = {
  readonly id: string;
  readonly name: string | null;
  /** Further names it has. */
  readonly others: number;
  /** What tells it from others of its kind: an image, a subnet. */
  readonly detail: string;
  /** RFC 3339, or empty. */
  readonly createdAt: string;
  readonly size: number | null;
};

/** What would go now, and how many bytes with it: those of the rows, and leftovers that no row stands for. Null: not told. */
export type PrunePreview = { readonly rows: readonly PruneRow[]; readonly bytes: number | null };

/** `preview` is null while it is being worked out. */
export type PruneView = {
  readonly kind: "prune";
  readonly of: PruneKind;
  /** All that nothing uses; else only what has no name. */
  readonly all: boolean;
  readonly preview: PrunePreview | null;
  readonly error: string;
  readonly scroll: number;
};
