import type { DiffID, Digest } from "../oci/digest.ts";
import type { TarDigests, TarFile } from "./layer-tasks.ts";

/** What the main thread asks of a verify worker: data only. Directories and paths in `implicit` are byte paths. */
export type VerifyTask = HashTask | TarTask | TreesTask | ListingTask | OwnTask;

/** Reads a file whole. */
export type HashTask = { readonly kind: "hash"; readonly path: string };
/** Reads a layer's tar and sees whether the directory is what unpacking it makes. */
export type TarTask = {
  readonly kind: "tar";
  readonly source: TarFile;
  readonly directory: string;
  /** Directories whose owner and mode come from layers below. */
  readonly implicit: readonly string[];
};
/** Sees whether two directories hold the same. */
export type TreesTask = {
  readonly kind: "trees";
  readonly expected: string;
  readonly directory: string;
  readonly implicit: readonly string[];
};
/** Sees whether a directory is still what its listing says; size: of all files, as its record says. */
export type ListingTask = {
  readonly kind: "listing";
  readonly directory: string;
  readonly listing: string;
  /** Directory for files while they are needed. */
  readonly workshop: string;
  readonly implicit: readonly string[];
  readonly size: number;
};

/** Packs a directory to see what it hashes to. */
export type OwnTask = { readonly kind: "own"; readonly directory: string };

export type VerifyResults = {
  readonly hash: { readonly digest: Digest; readonly size: number };
  readonly tar: TarDigests & { readonly problems: readonly string[] };
  readonly trees: { readonly problems: readonly string[] };
  readonly own: { readonly diffID: DiffID };
  readonly listing: { readonly problems: readonly string[] };
};

/** Sentences in one answer; what more there is does not help anybody. */
export const problemLimit = 20;
