import type { Growth } from "../lib/growth.ts";
import type { DiffID, Digest } from "../oci/digest.ts";
import type { ChangesPage, WritableUsage } from "./layer-store.ts";

/** What the main thread asks of a layer worker: data only. Directories are byte paths. */
export type LayerTask =
  | UnpackTask
  | DigestTask
  | SettleTask
  | RemoveTask
  | ChangesTask
  | UsageTask
  | SealTask
  | SquashTask;

/** A file with a tar in it. growth: it is still being written, see lib/growth.ts; null: it is whole. */
export type TarFile = { readonly path: string; readonly growth: Growth | null };

/** Unpacks the tar at `source` into `<target>/fs` and writes `<target>/layer.json`. */
export type UnpackTask = { readonly kind: "unpack"; readonly source: TarFile; readonly target: string };
/** Reads the file only. */
export type DigestTask = { readonly kind: "digest"; readonly source: TarFile };
/** `below` topmost first. */
export type SettleTask = {
  readonly kind: "settle";
  readonly layer: string;
  readonly below: readonly string[];
  readonly implicit: readonly string[];
};
export type RemoveTask = { readonly kind: "remove"; readonly path: string; readonly parking: string };
/** `lower` topmost first. */
export type ChangesTask = {
  readonly kind: "changes";
  readonly upper: string;
  readonly lower: readonly string[];
  readonly limit: number;
  readonly after: string | null;
  readonly mountPoints: readonly string[];
};
/** See seal-tree.ts. `below` topmost first; mount points relative. latest: seconds since 1970. */
export type SealTask = {
  readonly kind: "seal";
  readonly directory: string;
  readonly below: readonly string[];
  readonly mountPoints: readonly string[];
  readonly latest: number | null;
};
/** Makes of these layers and what they hide in those below (both topmost first) one layer in `<target>/fs`. */
export type SquashTask = {
  readonly kind: "squash";
  readonly directories: readonly string[];
  readonly below: readonly string[];
  readonly target: string;
  readonly latest: number | null;
};
export type UsageTask = {
  readonly kind: "usage";
  readonly upper: string;
  readonly lower: readonly string[];
  readonly mountPoints: readonly string[];
};

export type LayerTaskResults = {
  readonly unpack: UnpackedTar & TarDigests;
  readonly digest: TarDigests;
  readonly settle: null;
  readonly remove: null;
  readonly changes: ChangesPage;
  readonly usage: WritableUsage;
  readonly seal: UnpackedTar;
  readonly squash: UnpackedTar;
};

export type TarDigests = {
  /** Of the file as it is. */
  readonly digest: Digest;
  /** Of what is in it, uncompressed. */
  readonly diffID: DiffID;
};

export type UnpackedTar = {
  readonly diffID: DiffID;
  readonly size: number;
  readonly entries: number;
  /** Byte paths of directories that are there without an entry of their own. */
  readonly implicit: readonly string[];
  /** The tar describes the top directory, too. */
  readonly hasRoot: boolean;
};
