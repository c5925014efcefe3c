import type { ErrorCode } from "../errors.ts";
import type { IDRange } from "../host/id-ranges.ts";
import type { PathStat } from "../protocol/archives.ts";
import type { ViewSpec } from "./container-view.ts";
import type { AdoptTask, FillTask } from "./fill-tasks.ts";

/** What the main thread asks of an archive worker: data only. Paths are byte paths. */
export type ArchiveTask = PackTask | PackPathTask | StatTask | UnpackIntoTask | FillTask | AdoptTask;

/** A directory, or several that are seen as one (topmost first), or what lies in it by a path without links. */
export type PackTask = {
  readonly kind: "pack";
  readonly directories: readonly string[];
  /** Relative; empty for the directory itself. */
  readonly inside: string;
  /** Path of the top in the archive; empty: the children of the directory stand at the archive's top. */
  readonly path: string;
  /** See PackOptions. */
  readonly layer?: { readonly below: readonly string[]; readonly mountPoints: readonly string[] };
  /** See PackOptions. */
  readonly ids?: IDRange | null;
};

/** A path of a container. */
export type PackPathTask = {
  readonly kind: "pack-path";
  readonly view: ViewSpec;
  readonly path: string;
  readonly followLink: boolean;
};

export type StatTask = { readonly kind: "stat"; readonly view: ViewSpec; readonly path: string };

/** Takes the archive from the main thread. */
export type UnpackIntoTask = {
  readonly kind: "unpack-into";
  readonly view: ViewSpec;
  readonly path: string;
  readonly noOverwriteDirNonDir: boolean;
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  /** An entry for the directory itself describes it; without, it stays as it is. */
  readonly describesTop?: boolean;
  /** Nobody waits for the disk: a power cut takes what was copied just before, as from who writes in a container, or all is made anew after it. */
  readonly isUnsynced?: boolean;
};

export type ArchiveTaskResults = {
  readonly pack: null;
  readonly "pack-path": null;
  readonly stat: PathStat;
  readonly "unpack-into": null;
  readonly fill: boolean;
  readonly adopt: boolean;
};

/** Words of the memory both threads share. */
export const shared = {
  /** 1: the work is no longer wanted. */
  cancelled: 0,
  /** Chunks of the archive that the main thread has handed on. */
  taken: 1,
  length: 2,
} as const;

/** Main thread to worker. */
export type ArchiveRequest =
  | { readonly kind: "task"; readonly task: ArchiveTask; readonly memory: Int32Array<SharedArrayBuffer> }
  /** A piece of the archive to unpack; null for its end. */
  | { readonly kind: "chunk"; readonly bytes: Uint8Array<ArrayBuffer> | null }
  /** No more pieces come. */
  | { readonly kind: "abort" };

/** Worker to main thread. */
export type ArchiveResponse =
  | { readonly kind: "stat"; readonly stat: PathStat }
  | { readonly kind: "chunk"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Ready for the next piece, with the memory of the last one. */
  | { readonly kind: "next"; readonly memory: ArrayBuffer | null }
  | { readonly kind: "done"; readonly result: ArchiveTaskResults[ArchiveTask["kind"]] }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly hint: string | null };
