import type { BlobStore } from "../content/blob-store.ts";
import type { Database } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import type { EventBus } from "../events/event-bus.ts";
import type { Operations } from "../events/operations.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { Listeners } from "../lib/listeners.ts";
import type { DiffID, ImageID } from "../oci/digest.ts";
import { type ImageConfig, parseImageConfig } from "../oci/image-config.ts";
import { familiarReference, formatReference } from "../oci/reference.ts";
import type { HistoryEntry, ImageSummary, LayersResult, LoadedImage, RemovedImage } from "../protocol/images.ts";
import type { PulledImage, PushedImage } from "../protocol/transfers.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { Arrivals } from "./arrivals.ts";
import { Catalog, catalogImage } from "./catalog.ts";
import { Departures } from "./departures.ts";
import { Fsck } from "./fsck.ts";
import { ImageEvents } from "./image-events.ts";
import { parseImageName } from "./image-plan.ts";
import { ImageRecords } from "./image-records.ts";
import type {
  CommitOptions,
  ImageForContainer,
  ImageParts,
  ImageService,
  ImportOptions,
  LongWork,
  PruneOptions,
  PullRequest,
  PushRequest,
  SaveFormat,
  SaveOutput,
  SaveRequest,
} from "./image-service.ts";
import { forContainer, historyEntries, layersResult, summarize } from "./image-views.ts";
import { inspectImage } from "./inspect.ts";
import { Leases } from "./leases.ts";
import { neededBytes } from "./needed-bytes.ts";
import type { TrustPolicy } from "./policy.ts";
import { findDigestName, planRemoval, untaggedNames } from "./remove.ts";
import { Sweeper } from "./sweeper.ts";
import { Upkeep } from "./upkeep.ts";

export type ImageServiceOptions = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly operations: Operations;
  readonly events: EventBus;
  readonly registries: RegistryClient;
  readonly policy: TrustPolicy;
  /** Stacks of layers that somebody beside images needs, as they are at the moment. */
  readonly alsoNeeded?: () => readonly (readonly DiffID[])[];
};

/** Opens the service and sweeps what a crash left: bytes that no record names. */
export async function openImageService(options: ImageServiceOptions): Promise<ImageService> {
  const records = new ImageRecords(options.database);
  const configs = new Map<ImageID, ImageConfig>();
  for (const { id } of records.list()) {
    const imageConfig = await findConfig(options.blobs, id);
    if (imageConfig !== null) configs.set(id, imageConfig);
  }
  const service = new LocalImageService(options, records, configs);
  await service.open();
  return service;
}

/** Null where the blob is lost or damaged: one bad image must not keep the engine from starting. */
async function findConfig(blobs: BlobStore, id: ImageID): Promise<ImageConfig | null> {
  try {
    return parseImageConfig(await blobs.read(id), `image config ${id}`);
  } catch (error) {
    if (error instanceof EngineError) return null;
    throw error;
  }
}

class LocalImageService implements ImageService {
  readonly #options: ImageServiceOptions;
  readonly #records: ImageRecords;
  readonly #configs: Map<ImageID, ImageConfig>;
  readonly #sweeper: Sweeper;
  readonly #leases: Leases;
  readonly #arrivals: Arrivals;
  readonly #departures: Departures;
  readonly #upkeep: Upkeep;
  readonly #fsck: Fsck;
  readonly #events: ImageEvents;
  readonly #alsoNeeded: () => readonly (readonly DiffID[])[];
  readonly #listeners = new Listeners<void>();
  #catalog: Catalog | null = null;
  #summaries: readonly ImageSummary[] | null = null;

  constructor(options: ImageServiceOptions, records: ImageRecords, configs: Map<ImageID, ImageConfig>) {
    this.#options = options;
    this.#alsoNeeded = options.alsoNeeded ?? (() => []);
    this.#records = records;
    this.#configs = configs;
    this.#events = new ImageEvents(options.events, (id) => configs.get(id)?.config?.Labels ?? {});
    this.#sweeper = new Sweeper(() => this.sweep());
    this.#leases = new Leases(options, () => void this.#sweeper.request());
    this.#arrivals = new Arrivals({
      ...options,
      sweeper: this.#sweeper,
      leases: this.#leases,
      catalog: () => this.#current(),
      add: (images) => {
        records.add(images.map(({ record }) => record));
        for (const { record, imageConfig } of images) configs.set(record.id, imageConfig);
        this.#changed();
      },
      events: this.#events,
    });
    this.#departures = new Departures({
      ...options,
      records,
      leases: this.#leases,
      sweeper: this.#sweeper,
      catalog: () => this.#current(),
      onRecord: () => this.#changed(),
      events: this.#events,
    });
    this.#upkeep = new Upkeep({
      ...options,
      records,
      sweeper: this.#sweeper,
      leases: this.#leases,
      catalog: () => this.#current(),
      summaries: () => this.list(),
      alsoNeeded: this.#alsoNeeded,
      onRemoved: (ids) => {
        for (const id of ids) configs.delete(id);
        this.#changed();
      },
      events: this.#events,
    });
    this.#fsck = new Fsck({
      ...options,
      records,
      leases: this.#leases,
      sweeper: this.#sweeper,
      onChanged: (id) => this.#reread(id),
      alsoNeeded: this.#alsoNeeded,
    });
    // `list` names the containers of each image.
    options.events.onEvent((event) => {
      const isListed = event.type === "container" && (event.action === "create" || event.action === "destroy");
      if (isListed) this.#listeners.emit();
    });
  }

  /** Takes up what an engine before this one held, and sweeps what it left. */
  async open(): Promise<void> {
    await this.#leases.open();
    await this.sweep();
  }

  list(): readonly ImageSummary[] {
    const catalog = this.#current();
    this.#summaries ??= catalog.images.map((image) => summarize(image, catalog));
    const users = this.#records.users();
    if (users.size === 0) return this.#summaries;
    return this.#summaries.map((image) => {
      const containers = users.get(image.id);
      return containers === undefined ? image : { ...image, containers: containers.map(({ id }) => id) };
    });
  }

  resolve(image: string): ImageForContainer {
    return forContainer(this.#current().get(image).image);
  }

  async inspect(image: string): Promise<Record<string, unknown>> {
    return inspectImage(this.#current().get(image).image, this.#options.layers);
  }

  async history(image: string): Promise<HistoryEntry[]> {
    return historyEntries(this.#current().get(image).image);
  }

  async layersOf(image: string): Promise<LayersResult> {
    const catalog = this.#current();
    return layersResult(catalog.get(image).image, catalog);
  }

  async tag(image: string, reference: string): Promise<void> {
    const name = parseImageName(reference);
    const { id } = this.#current().get(image).image;
    this.#records.setReference(formatReference(name), id);
    this.#changed();
    this.#events.publish("tag", id, familiarReference(name));
  }

  async remove(image: string, force: boolean): Promise<RemovedImage> {
    const match = this.#current().get(image);
    const { id } = match.image;
    // No await between the look at the users and the delete: nobody can come between.
    const users = this.#records.users().get(id) ?? [];
    const removal = planRemoval(match, { users, force, digest: findDigestName(image) });
    this.#records.remove(removal);
    const untagged = untaggedNames(removal);
    this.#changed();
    for (const _name of untagged) this.#events.publish("untag", id);
    if (removal.image === null) return { untagged, deleted: [] };
    this.#configs.delete(id);
    this.#events.publish("delete", id);
    await this.#sweeper.request();
    return { untagged, deleted: [id] };
  }

  load(archive: AsyncIterable<Uint8Array>, work: LongWork): Promise<LoadedImage[]> {
    return this.#arrivals.load(archive, work);
  }

  import(rootfs: AsyncIterable<Uint8Array>, options: ImportOptions, work: LongWork): Promise<{ id: ImageID }> {
    return this.#arrivals.import(rootfs, options, work);
  }

  commit(tar: () => AsyncIterable<Uint8Array>, options: CommitOptions, work: LongWork): Promise<{ id: ImageID }> {
    return this.#arrivals.commit(tar, options, work);
  }

  assemble(parts: ImageParts): Promise<{ id: ImageID }> {
    return this.#arrivals.assemble(parts);
  }

  exportAssembled(parts: ImageParts & { readonly format: SaveFormat }, output: SaveOutput, work: LongWork) {
    return this.#departures.exportAssembled(parts, output, work);
  }

  sweepSoon(): void {
    void this.#sweeper.request();
  }

  pull(request: PullRequest, work: LongWork): Promise<PulledImage[]> {
    return this.#arrivals.pull(request, work);
  }

  push(request: PushRequest, work: LongWork): Promise<PushedImage[]> {
    return this.#departures.push(request, work);
  }

  save(request: SaveRequest, output: SaveOutput, work: LongWork): Promise<{ bytes: number }> {
    return this.#departures.save(request, output, work);
  }

  prune(options: PruneOptions, dryRun: boolean) {
    return this.#upkeep.prune(options, dryRun);
  }

  diskUsage() {
    return this.#upkeep.diskUsage();
  }

  fsck(repair: boolean, work: LongWork) {
    return this.#fsck.run(repair, work);
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Deletes blobs and layers that no image and no lease holds. */
  async sweep(): Promise<void> {
    const { blobs, layers } = this.#options;
    // No await before both sweeps have begun: what is made from then on is held while it is made.
    const needed = neededBytes(this.#records.list());
    await Promise.all([layers.sweep([...needed.chains, ...this.#alsoNeeded()]), blobs.sweep(needed.blobs)]);
  }

  /** A config on the disk was found to be damaged, or a record was changed. */
  async #reread(id: ImageID): Promise<void> {
    const imageConfig = await findConfig(this.#options.blobs, id);
    if (imageConfig === null) this.#configs.delete(id);
    this.#changed();
  }

  #current(): Catalog {
    this.#catalog ??= new Catalog(
      this.#records
        .list()
        .map((record) => catalogImage(record, this.#configs.get(record.id) ?? null, this.#options.layers)),
    );
    return this.#catalog;
  }

  #changed(): void {
    this.#catalog = null;
    this.#summaries = null;
    this.#listeners.emit();
  }
}
