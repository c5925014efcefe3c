import type { ComparedFile, FileEntry } from "../../protocol/files.ts";
import type { LayerPlace } from "../layer-store.ts";

/** Layers that lie on each other, and where indexes of them may be kept. */
export type Stack = {
  /** Lowest first. */
  readonly layers: readonly LayerPlace[];
  /** The layer of a container on top of them, which changes while it is looked at. */
  readonly writable: WritablePlace | null;
  /** A directory for indexes. */
  readonly cache: string;
};

export type WritablePlace = {
  readonly key: string;
  readonly directory: string;
  /** Absolute paths of mount points: empty files and directories there count as not there. */
  readonly mountPoints: readonly string[];
};

/** `layer`: null is the topmost. `isOwn`: only what that layer brought, else the sum up to it. */
export type StackView = { readonly stack: Stack; readonly layer: number | null; readonly isOwn: boolean };

export type FileFilter = { readonly contains: string; readonly minimumSize: number; readonly changed: boolean };

export type ListQuery = {
  readonly path: string;
  readonly filter: FileFilter | null;
  readonly order: "name" | "size" | "directories";
  readonly offset: number;
  readonly limit: number;
};

export type ListTask = { readonly kind: "list"; readonly view: StackView; readonly query: ListQuery };
export type WasteTask = { readonly kind: "waste"; readonly view: StackView; readonly limit: number };
export type ReadTask = {
  readonly kind: "read";
  readonly view: StackView;
  readonly path: string;
  readonly offset: number;
  readonly length: number;
};
/** Where a path really is, and what has to be seen as one to show it: directories, topmost first. */
export type LocateTask = { readonly kind: "locate"; readonly view: StackView; readonly path: string };
export type CompareTask = {
  readonly kind: "compare";
  readonly left: StackView;
  readonly right: StackView;
  readonly contains: string;
  readonly offset: number;
  readonly limit: number;
};
/** Makes the indexes of layers that have none. */
export type IndexTask = { readonly kind: "index"; readonly stack: Stack };

/** What the main thread asks of a files worker: data only. Paths are wire texts, see lib/byte-path.ts. */
export type FilesTask = ListTask | WasteTask | ReadTask | LocateTask | CompareTask | IndexTask;

export type WasteResult = {
  readonly efficiency: number;
  readonly wastedBytes: number;
  readonly totalBytes: number;
  readonly files: { path: string; layers: number; bytes: number }[];
};

export type FilesTaskResults = {
  readonly list: { entries: FileEntry[]; total: number };
  readonly waste: WasteResult;
  readonly read: { bytes: Uint8Array; size: number };
  /** Byte paths; the path without a slash at its beginning. */
  readonly locate: { path: string; directories: string[] };
  readonly compare: { files: ComparedFile[]; total: number };
  readonly index: null;
};
