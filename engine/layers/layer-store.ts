import type { IDRange } from "../host/id-ranges.ts";
import type { Growth } from "../lib/growth.ts";
import type { DiffID, Digest } from "../oci/digest.ts";
import type { FileChange } from "../protocol/containers.ts";

/** Names a container's writable layer: the container's id. Owned by that container, gone with it. */
export type WritableKey = string;

/** Where a layer's tar lies: compression told by its first bytes. growth: for a file that is still being written, see lib/growth.ts. */
export type LayerSource = {
  readonly path: string;
  readonly growth?: Growth;
  /** It may grow slowly, for as long as a download takes: it keeps no local work waiting. */
  readonly isRemote?: boolean;
};

export type UnpackOptions = {
  readonly signal: AbortSignal;
  /** What the source as it is has to be: with another digest `unpack` fails with `corrupt`. */
  readonly digest?: Digest;
  /** Bytes of the source read so far. */
  readonly onProgress?: (bytes: number) => void;
};

/** What reading a layer's source to its end has shown. */
export type LayerDigests = {
  /** Of the file as it is. */
  readonly digest: Digest;
  /** Of the tar in it. */
  readonly diffID: DiffID;
};

/** A layer unpacked beside, without a name: not there for anyone yet. Disposing drops it, once it was kept it does nothing. */
export interface StagedLayer extends LayerDigests, AsyncDisposable {
  /** Where it lies until then: its files are in `fs` below. */
  readonly path: string;
  /**
   * Gives it its name: `chain` ends with its diffID, else `corrupt`. A layer that is there already is as good, unless it is to be replaced:
   * then `onReplace`, which may throw, is the last that is called before.
   */
  keep(chain: readonly DiffID[], options?: { readonly onReplace?: () => void }): Promise<ReadonlyLayer>;
}

export type ReadonlyLayer = {
  readonly diffID: DiffID;
  /** Bytes of all files, hard links counted once. */
  readonly size: number;
  readonly entries: number;
};

/** Where the files of a read-only layer lie; the name tells it from all others. */
export type LayerPlace = { readonly name: string; readonly directory: string };

/** digest: of the source, or null where the layer was there already and nobody has read the source. */
export type UnpackedLayer = ReadonlyLayer & { readonly digest: Digest | null };

export type CommitLayerOptions = {
  readonly signal: AbortSignal;
  /**
   * Absolute paths of mount points, links resolved: left out where they are empty, as are parents that were changed by nothing else. A parent
   * that was made for one is to be named as well.
   */
  readonly mountPoints?: readonly string[];
  /** Seconds since 1970: later times of files become this one. Null: they stay. */
  readonly latest?: number | null;
};

/** Held, with its chain, until disposed of: until a cache's entry or an image's record names it. */
export type CommittedLayer = ReadonlyLayer & Disposable;

export type MountOptions = {
  /**
   * For a layer that is committed or thrown away: nothing is brought to the disk when it is unmounted, and fsync(2) in it does nothing,
   * which makes package managers many times faster.
   */
  readonly isVolatile?: boolean;
};

export type ChangesOptions = {
  /** `next` of the page before. */
  readonly after?: string | null;
  /** Absolute paths of mount points: left out where they are empty, as are parents in which nothing else was changed. */
  readonly mountPoints?: readonly string[];
};

export type ChangesPage = {
  readonly changes: FileChange[];
  /** Not all was looked at. */
  readonly truncated: boolean;
  /** Where the next page begins: an opaque text; null where none can come. */
  readonly next: string | null;
};

/** path: its directory, the same for all chains that share it. */
export type PlacedLayer = ReadonlyLayer & { readonly path: string };

export type WritableUsage = {
  readonly size: number;
  readonly added: number;
  readonly changed: number;
  readonly deleted: number;
  readonly truncated: boolean;
};

/** name: of its directory, see LayerPlace. */
export type ListedLayer = { readonly name: string; readonly diffID: DiffID; readonly size: number };

/** digests: of the tar that it was compared with. problems: a sentence each; none where it is whole. */
export type VerifiedLayer = { readonly digests: LayerDigests | null; readonly problems: readonly string[] };

/** Sees whether read-only layers are still what they were, and makes them so. All reading is done by threads of its own. */
export interface LayerUpkeep {
  list(): ListedLayer[];
  /** Names of a chain's layers, lowest first; null for one that is not unpacked. */
  namesOf(chain: readonly DiffID[]): (string | null)[];
  has(name: string): boolean;
  /** Keeps one from sweeps until disposed; to be called before the look whether it is there. */
  hold(name: string): Promise<Disposable>;
  /** True for one that somebody holds, or on which a container stands. */
  isNeeded(name: string): boolean;
  /** Containers that stand on it and are mounted now: nobody may touch it. */
  mountedOn(name: string): WritableKey[];
  /** True for a writable layer that is mounted because somebody looks at it. */
  isKeptMounted(key: WritableKey): boolean;
  /** Digest of any file. */
  hash(path: string, options: UnpackOptions): Promise<Digest>;
  /**
   * Compares an unpacked layer with its tar, byte by byte; without one, with what was written down of it when it was new. Fails with
   * `corrupt` for a tar that cannot be read.
   */
  verify(name: string, source: LayerSource | null, options: UnpackOptions): Promise<VerifiedLayer>;
  /**
   * Unpacks a layer anew in place of the one that is there. Fails with `failed-precondition` where a container is mounted on it, and as
   * `unpack` does.
   */
  renew(name: string, chain: readonly DiffID[], source: LayerSource, options: UnpackOptions): Promise<void>;
  /** Takes a layer away, so that it comes anew. Fails with `failed-precondition` where a container is mounted on it. */
  discard(name: string): Promise<void>;
  /** Names in the store's directory that are no layers, nor something in the making. */
  strangers(): Promise<string[]>;
  /** Takes one of these away. Nothing happens where it has become a layer. */
  discardStranger(name: string): Promise<void>;
}

/**
 * Keeps unpacked layers under `<root>/layers/` and stacks them. Knows nothing of images, registries or containers.
 * A read-only layer: unpack, then it is there for everyone. A container: prepare, mount, run, remove.
 *
 * A read-only layer is shared by diffID; one whose tar lacks an entry for a parent directory is kept by chainID, since that
 * directory's mode must come from below. Callers always name a layer by its place: the diffIDs from the lowest up to it.
 */
export interface LayerStore extends AsyncDisposable {
  readonly upkeep: LayerUpkeep;
  /**
   * Unpacks a layer in a worker. `chain` is the diffIDs from the lowest layer up to and including this one; the layers below
   * need not be there yet. A second caller for the same layer waits for the first. The tar is hostile: nothing is ever
   * written outside the layer's directory. Fails with `corrupt` (digest mismatch, broken or hostile tar, with the entry's
   * name), `resource-exhausted` (disk full), `cancelled`; then nothing is left.
   */
  unpack(chain: readonly DiffID[], source: LayerSource, options: UnpackOptions): Promise<UnpackedLayer>;
  /** Unpacks a tar whose diffID is not known yet as a lowest layer, and says what it is. */
  unpackBase(source: LayerSource, options: UnpackOptions): Promise<UnpackedLayer>;
  /** Unpacks a tar of which nothing is known yet. Fails as `unpack` does. */
  stage(source: LayerSource, options: UnpackOptions): Promise<StagedLayer>;
  /** Reads a tar without unpacking it. Fails as `unpack` does. */
  digest(source: LayerSource, options: UnpackOptions): Promise<LayerDigests>;
  /** What is known of an unpacked layer, or null. */
  find(chain: readonly DiffID[]): ReadonlyLayer | null;
  /** The same of every layer of a chain, lowest first, with its directory. */
  findAll(chain: readonly DiffID[]): readonly (PlacedLayer | null)[];
  /** True for an unpacked layer that was made here, so that packing it gives its tar. */
  isOwn(chain: readonly DiffID[]): boolean;
  /** Absolute directory of an unpacked layer. Fails with `not-found`. */
  pathOf(chain: readonly DiffID[]): string;
  /** All layers of a chain, lowest first. Fails with `not-found`. */
  placesOf(chain: readonly DiffID[]): LayerPlace[];
  /**
   * Keeps the layers of a chain from sweeps until disposed. To be called before a look whether one is there, or before it is made:
   * resolves when a sweep that takes it away at this moment is done with it.
   */
  hold(chain: readonly DiffID[]): Promise<Disposable>;
  /**
   * Removes layers that are in none of `kept` (whole chains, as they are at the moment of the call), that nobody holds, and on which no
   * writable layer stands. Gives bytes freed.
   */
  sweep(kept: readonly (readonly DiffID[])[]): Promise<number>;

  /**
   * Opens a writable layer over an image's layers. ids: what is mounted shows its files as those of this range of the host's ids, which is
   * the layer's as long as it exists; on the disk they stay as they are. Fails with `already-exists` if `key` is taken, `not-found`.
   */
  prepare(key: WritableKey, chain: readonly DiffID[], ids?: IDRange | null): Promise<void>;
  /** The same for one that nobody needs after a power cut, as of a step of a build: it waits for no disk. */
  preparePassing(key: WritableKey, chain: readonly DiffID[]): Promise<void>;
  /** Null: its ids are the host's. */
  idsOf(key: WritableKey): IDRange | null;
  /** Ids that writable layers have for themselves. */
  allIDs(): readonly IDRange[];
  /** The directory where the container's file system is or will be mounted: `<root>/containers/<key>/rootfs`. */
  rootfsOf(key: WritableKey): string;
  /** Mounts it at rootfsOf(key); a success if it is mounted already (after a restart of the engine). */
  mount(key: WritableKey, options?: MountOptions): Promise<string>;
  /** Unmounts, or leaves that to who holds it; a success if it is not mounted. */
  unmount(key: WritableKey): Promise<void>;
  /** Mounts it, and keeps it mounted until the hold is disposed of: for looks at containers that do not run. */
  keepMounted(key: WritableKey): Promise<AsyncDisposable>;
  /** Unmounts and drops a writable layer; a success if it is gone already. */
  remove(key: WritableKey): Promise<void>;
  /** Where a writable layer's own files lie, and the layers below it, lowest first. Fails with `not-found`. */
  writablePlaceOf(key: WritableKey): { readonly upper: string; readonly below: readonly LayerPlace[] };
  /**
   * Makes what was changed in a writable layer the read-only layer on top of its chain, without copying it; the writable layer is unmounted and
   * gone then. Null where nothing was changed. Nobody writes into it any more. The new layer outlives the engine, but a power cut only once it
   * was persisted: before, it may take the layer away, and never leaves a wrong one. Fails with `resource-exhausted`, `cancelled`; then the
   * writable layer is as it was.
   */
  commit(key: WritableKey, options: CommitLayerOptions): Promise<CommittedLayer | null>;
  /** One layer with what a chain's layers from position `from` up make of those below. Null where that is nothing. As `commit`. */
  squash(chain: readonly DiffID[], from: number, options: CommitLayerOptions): Promise<CommittedLayer | null>;
  /** Resolves when these layers would survive a power cut. To be called before something that does names them. */
  persist(chain: readonly DiffID[]): Promise<void>;
  /** All writable layers there are: what no container owns is swept by the caller at start. */
  listWritable(): readonly WritableKey[];
  /** False also for what a prepare that was cut off has left, which is listed. */
  hasWritable(key: WritableKey): boolean;
  /** What was added, changed and deleted in a writable layer, at most `limit` entries, sorted by path. */
  changes(key: WritableKey, limit: number, options?: ChangesOptions): Promise<ChangesPage>;
  usage(key: WritableKey, options?: Pick<ChangesOptions, "mountPoints">): Promise<WritableUsage>;
}
