import type { IDRange } from "../host/id-ranges.ts";
import type { BytePath } from "../lib/byte-path.ts";

/** A directory of a container's own file system: `path` with links followed as if `root`, where that is mounted, were `/`. */
export type FillSource = {
  readonly root: BytePath;
  readonly path: BytePath;
  /** Ids of the host that are the container's own: what is made has the container's. */
  readonly ids?: IDRange | null;
};

/**
 * What a directory is filled with is made beside it, below `staging` on the same file system: `.gantry-filling` while it is made,
 * `.gantry-filled` once it is whole and on the disk, from where it is moved.
 */
export type FillPlace = { readonly target: BytePath; readonly staging: BytePath };

/** Copies a directory with all that makes it up into an empty one. The result: whether there was such a directory. */
export type FillTask = FillPlace & { readonly kind: "fill"; readonly source: FillSource };

/** Moves what is whole. The result: whether there was anything. */
export type AdoptTask = FillPlace & { readonly kind: "adopt" };

export const fillingName = ".gantry-filling";
export const filledName = ".gantry-filled";
