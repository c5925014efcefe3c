import type { DiffID, Digest, ImageID } from "../oci/digest.ts";
import type { ImageConfig, ImageHealthcheck } from "../oci/image-config.ts";
import type { HistoryEntry, ImageSummary, LayersResult, LoadedImage, RemovedImage } from "../protocol/images.ts";
import type { Progress } from "../protocol/rpc.ts";
import type { Credentials, PulledImage, PushedImage } from "../protocol/transfers.ts";
import type { DiskUsage, FsckReport, Removal } from "../protocol/upkeep.ts";

/** What the containers service needs of an image. */
export type ImageForContainer = {
  readonly id: ImageID;
  /** Lowest first. */
  readonly chain: readonly DiffID[];
  readonly config: ImageRunConfig;
};

/** The `config` object of an OCI image config, defaults filled in. */
export type ImageRunConfig = {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
  /** `80/tcp` */
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string | null;
  readonly healthcheck?: ImageHealthcheck | null;
  /** Runs the shell form of a health check. */
  readonly shell?: readonly string[];
};

export type LongWork = {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
};

export type ImportOptions = {
  /** Null: the image stays without a name. */
  readonly reference: string | null;
  /** Dockerfile lines: CMD, ENTRYPOINT, ENV, USER, WORKDIR, EXPOSE, LABEL, VOLUME, STOPSIGNAL. */
  readonly changes: readonly string[];
  readonly message: string;
  /** `os/arch[/variant]`; this host's where it is left out. */
  readonly platform?: string | undefined;
  /** RFC 3339; now where it is left out. Given, the same bytes make the same image ID. */
  readonly createdAt?: string;
};

export type CommitOptions = {
  /** The image the container was made from. */
  readonly base: string;
  /** Null: the image stays without a name. */
  readonly reference: string | null;
  readonly author: string;
  readonly message: string;
  /** Dockerfile lines, as for an import. */
  readonly changes: readonly string[];
  /** Id of the container. */
  readonly container: string;
  /** The container's `Config` as docker's inspect gives it: what the changes are made to. */
  readonly config: Readonly<Record<string, unknown>>;
  /** For the history: the container's command. */
  readonly createdBy: string;
};

/** Something said about an image: the predicate of an in-toto statement, as JSON. */
export type Attestation = { readonly predicateType: string; readonly predicate: Buffer };

export type ImageParts = {
  readonly config: Omit<ImageConfig, "rootfs">;
  readonly chain: readonly DiffID[];
  /** As a person writes them. */
  readonly references: readonly string[];
  /** Go with the image wherever it is pushed or saved. */
  readonly attestations?: readonly Attestation[];
};

export type PullRequest = {
  /** A name with a tag, a digest, or neither (`latest`); with `allTags` one without both. */
  readonly reference: string;
  readonly allTags: boolean;
  /** `os/arch[/variant]`, null for this host's. */
  readonly platform: string | null;
  readonly credentials: Credentials | null;
  /** PEM public keys, one of which must have signed the image; none: only the host's policy counts. */
  readonly verifyKeys: readonly string[];
};

export type PushRequest = {
  /** A name, with `allTags` one without a tag. */
  readonly reference: string;
  readonly allTags: boolean;
  readonly credentials: Credentials | null;
};

export type SaveFormat = "docker-archive" | "oci-archive";
export type SaveRequest = { readonly images: readonly string[]; readonly format: SaveFormat };
/** Takes the archive's bytes, whose memory is used again once it resolves. */
export type SaveOutput = (bytes: Buffer) => Promise<void>;

export type PruneOptions = {
  /** Also images that bear names. */
  readonly all: boolean;
  /** Only those made until then, RFC 3339. */
  readonly until: string | null;
  /** `key`, `key=value`; with `!` before it: not those that have it. */
  readonly labels: readonly string[];
};

/**
 * References to images, and what the images are made of. `image` params take a reference, an image ID with or without `sha256:`,
 * or a unique prefix of one. Not-found messages name the object as the user wrote it and hint at `gantry images`.
 */
export interface ImageService {
  list(): readonly ImageSummary[];
  /** Fails with `not-found`. */
  resolve(image: string): ImageForContainer;
  /** docker's inspect JSON. */
  inspect(image: string): Promise<Record<string, unknown>>;
  history(image: string): Promise<HistoryEntry[]>;
  layersOf(image: string): Promise<LayersResult>;
  /** Fails with `invalid-argument` for a bad reference. */
  tag(image: string, reference: string): Promise<void>;
  /** Fails with `failed-precondition` and the container's name while one uses it; force untags. */
  remove(image: string, force: boolean): Promise<RemovedImage>;
  /** Chunks of a docker-archive, an OCI archive or an OCI layout as tar; plain, gzip or zstd. */
  load(archive: AsyncIterable<Uint8Array>, work: LongWork): Promise<LoadedImage[]>;
  /** Chunks of a root file system as tar; plain, gzip or zstd. */
  import(rootfs: AsyncIterable<Uint8Array>, options: ImportOptions, work: LongWork): Promise<{ id: ImageID }>;
  /**
   * A plain tar of what a container changed becomes the top layer of a new image; one without members none. `tar` is called once all
   * else is known to be right.
   */
  commit(tar: () => AsyncIterable<Uint8Array>, options: CommitOptions, work: LongWork): Promise<{ id: ImageID }>;
  /**
   * Makes an image of layers that are unpacked, under these names. The config's `rootfs` is made from the chain. Fails with
   * `not-found` where a layer is not there. Who calls holds the chain.
   */
  assemble(parts: ImageParts): Promise<{ id: ImageID }>;
  /**
   * Writes an archive of such an image, as `save` would if it had been assembled; nothing of it stays here. Fails as both do. digest: of the
   * manifest, or of the index where attestations were given.
   */
  exportAssembled(
    parts: ImageParts & { readonly format: SaveFormat },
    output: SaveOutput,
    work: LongWork,
  ): Promise<{ id: ImageID; digest: Digest; bytes: number }>;
  /** Sweeps soon what nobody needs any more. */
  sweepSoon(): void;
  /**
   * Brings an image here, or all of a repository's tags: what is here is not fetched again, also after a pull that was interrupted. Fails
   * with `not-found`, `permission-denied` where it is not trusted, `corrupt`, or as the registry does.
   */
  pull(request: PullRequest, work: LongWork): Promise<PulledImage[]>;
  /** Uploads an image, or all of a name's tags, to the registry of its name. Fails as the registry does. */
  push(request: PushRequest, work: LongWork): Promise<PushedImage[]>;
  /** Writes an archive with images in it, a docker-archive or an OCI one, uncompressed; layers are as they came. */
  save(request: SaveRequest, output: SaveOutput, work: LongWork): Promise<{ bytes: number }>;
  /** Removes images that no container uses: all that are asked for, or none. With `dryRun` says what would go. */
  prune(options: PruneOptions, dryRun: boolean): Promise<{ removed: Removal[]; bytes: number }>;
  diskUsage(): Promise<Pick<DiskUsage, "images" | "blobs">>;
  /** Reads every byte of images and sees whether it is what it was; with `repair` takes away or makes anew what is not. */
  fsck(repair: boolean, work: LongWork): Promise<FsckReport>;
  /** Called after every change of what `list` would say. */
  onChange(listener: () => void): () => void;
}
