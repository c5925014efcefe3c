import type { FillSource } from "../layers/fill-tasks.ts";
import type { DiskUsage, FsckFinding } from "../protocol/upkeep.ts";
import type { CreateVolumeRequest, VolumeSummary } from "../protocol/volumes.ts";

/** Takes bytes of an archive; resolves when the next may come. */
export type ArchiveOutput = (bytes: Uint8Array) => Promise<void>;

export type VolumePrune = {
  readonly all: boolean;
  /** `key`, `key=value`, with `!` before it for volumes without. */
  readonly labels: readonly string[];
};

export type PrunedVolumes = { removed: { name: string; size: number }[]; bytes: number };

/** A volume as a container asks for it. */
export type VolumeClaim = {
  readonly name: string;
  /** Asked for by its name: `rm -v` leaves it. */
  readonly isNamed: boolean;
  /** For one that has to be made; nothing of it for one of another container. */
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
};

/** How a container mounts one: for the event. */
export type VolumeMount = {
  readonly name: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Copied into it where it is empty and mounted anew; null: nothing. */
  readonly fill: FillSource | null;
};

/**
 * Volumes and who uses them. A volume lives under `<root>/volumes/<name>/_data`; one with driver options is mounted there while a container
 * that uses it runs. Its name is claimed in the database first and its bytes are deleted last, so that the next start finishes or undoes
 * whatever was cut off. What containers do: claim, make, fill (create); mount, unmount (a run); release (removal).
 */
export interface VolumeService extends AsyncDisposable {
  list(): readonly VolumeSummary[];
  /** Fails with `not-found`. */
  get(name: string): VolumeSummary;
  /**
   * Gives the one that is there where driver and options agree, or where no options are given. Fails with `already-exists`,
   * `invalid-argument`.
   */
  create(request: CreateVolumeRequest): Promise<VolumeSummary>;
  /** docker's inspect JSON; with usage also UsageData, which waits for the measuring where that was never done. */
  inspect(name: string, usage: boolean): Promise<Record<string, unknown>>;
  /** Fails with `failed-precondition` while a container names it, or while its bytes are read or written by an act. force: a success where it is not. */
  remove(name: string, force: boolean): Promise<void>;
  /** Those that no container names: anonymous ones, with `all` every one. */
  prune(options: VolumePrune, dryRun: boolean): Promise<PrunedVolumes>;
  /** Its content as a tar. Gives its bytes. */
  export(name: string, output: ArchiveOutput, signal: AbortSignal): Promise<{ bytes: number }>;
  /** Unpacks a tar (plain, gzip, zstd) over what is there; all or nothing where it is empty. Gives bytes taken. */
  import(name: string, tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<{ bytes: number }>;
  /** Sizes may be some seconds old. */
  diskUsage(): Promise<DiskUsage["volumes"]>;
  fsck(repair: boolean): Promise<FsckFinding[]>;
  /** After every change of what `list` would say. */
  onChange(listener: () => void): () => void;

  /** 64 hex digits that no volume has. */
  createName(): string;
  /** Absolute path on the host; also of one that is not made yet. */
  pathOf(name: string): string;
  /** What `claim` would refuse, before anything is made. */
  check(claim: VolumeClaim): void;
  /** Resolves when nothing is under way any more that takes one of these away. */
  settled(names: readonly string[]): Promise<void>;
  /**
   * In one transaction: records for volumes that are not there yet, what `insert` writes (the container's record), and the uses. Fails as
   * `create` does, and as `insert` does; then nothing has happened.
   */
  claim(container: string, claims: readonly VolumeClaim[], insert: () => void): void;
  /** Makes the directories of what was claimed. */
  make(container: string): Promise<void>;
  /** Undoes a claim: with the container's record goes what was made for it. A success where there is none. */
  abandon(container: string, deleteRecord: () => void): Promise<void>;
  /** Volumes without driver options that are empty, of those a container has not filled yet. */
  unfilled(container: string): Promise<readonly string[]>;
  /** Copies a directory of a container into a volume, where that is empty: all of it or, after a crash, nothing yet. */
  fill(name: string, source: FillSource): Promise<void>;
  /** Nothing is to be copied any more for this container. */
  markFilled(container: string): void;
  /** A removal with anonymous volumes begins: from here on they go with the container, also after a crash. */
  markGoing(container: string): void;
  /**
   * In one transaction with what `deleteRecord` does: no uses any more. Anonymous volumes that nobody else has go with the container where
   * that is wanted, or was marked; their bytes follow in the background.
   */
  release(container: string, options: { readonly anonymous: boolean }, deleteRecord: () => void): void;
  /** Names of a container's volumes. */
  namesOf(container: string): readonly string[];

  /** Makes volumes usable for a container that is about to run. Fails where the directory is missing or cannot be mounted. */
  mount(container: string, mounts: readonly VolumeMount[]): Promise<void>;
  /** The container has ended. A success where it has mounted nothing. */
  unmount(container: string): Promise<void>;
  /** Keeps volumes mounted for looks at a container that may not run. */
  hold(names: readonly string[]): Promise<AsyncDisposable>;
  /** Once at the start: who runs has its volumes mounted still; whatever else is mounted goes. */
  restore(living: readonly { readonly id: string; readonly names: readonly string[] }[]): Promise<void>;
}
