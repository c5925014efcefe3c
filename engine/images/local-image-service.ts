import type { BlobStore } from "../content/blob-store.ts";
import type { Database } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import type { EventBus } from "../events/event-bus.ts";
import type { Operations } from "../events/operations.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { Listeners } from "../lib/listeners.ts";
import type { Digest, ImageID } from "../oci/digest.ts";
import { type ImageConfig, parseImageConfig } from "../oci/image-config.ts";
import { familiarReference, formatReference } from "../oci/reference.ts";
import type { HistoryEntry, ImageSummary, LayersResult, LoadedImage, RemovedImage } from "../protocol/images.ts";
import type { PushedImage } from "../protocol/transfers.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { Catalog, catalogImage, shortID } from "./catalog.ts";
import { parseChanges } from "./changes-parser.ts";
import { type CommitPlan, changeRunConfig, storeCommit } from "./commit-image.ts";
import { Departures } from "./departures.ts";
import { parseImageName } from "./image-plan.ts";
import { ImageRecords } from "./image-records.ts";
import type {
  CommitOptions,
  ImageForContainer,
  ImageService,
  ImportOptions,
  LongWork,
  PruneOptions,
  PushRequest,
  SaveOutput,
  SaveRequest,
} from "./image-service.ts";
import { forContainer, historyEntries, layersResult, summarize } from "./image-views.ts";
import { type ImportPlan, storeRootfs } from "./import-image.ts";
import { inspectImage } from "./inspect.ts";
import { type LoadWork, storeArchive } from "./load-images.ts";
import { ProgressReporter } from "./progress-reporter.ts";
import { planRemoval, untaggedNames } from "./remove.ts";
import { SweepGate } from "./sweep-gate.ts";
import { Upkeep } from "./upkeep.ts";

export type ImageServiceOptions = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly operations: Operations;
  readonly events: EventBus;
  readonly registries: RegistryClient;
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
  await service.sweep();
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
  readonly #gate: SweepGate;
  readonly #departures: Departures;
  readonly #upkeep: Upkeep;
  readonly #listeners = new Listeners<void>();
  #catalog: Catalog | null = null;
  #summaries: readonly ImageSummary[] | null = null;

  constructor(options: ImageServiceOptions, records: ImageRecords, configs: Map<ImageID, ImageConfig>) {
    this.#options = options;
    this.#records = records;
    this.#configs = configs;
    this.#gate = new SweepGate(() => this.sweep());
    this.#departures = new Departures({
      ...options,
      records,
      gate: this.#gate,
      catalog: () => this.#current(),
      rebuild: async function* () {},
      onRecord: () => this.#changed(),
      publish: (action, id, name) => this.#publish(action, id, name),
    });
    this.#upkeep = new Upkeep({
      ...options,
      records,
      gate: this.#gate,
      catalog: () => this.#current(),
      summaries: () => this.list(),
      onRemoved: (ids) => {
        for (const id of ids) configs.delete(id);
        this.#changed();
      },
      publish: (action, id, name) => this.#publish(action, id, name),
    });
    // `list` names the containers of each image.
    options.events.onEvent((event) => {
      const isListed = event.type === "container" && (event.action === "create" || event.action === "destroy");
      if (isListed) this.#listeners.emit();
    });
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
    this.#publish("tag", id, familiarReference(name));
  }

  async remove(image: string, force: boolean): Promise<RemovedImage> {
    const match = this.#current().get(image);
    const { id } = match.image;
    // No await between the look at the users and the delete: nobody can come between.
    const removal = planRemoval(match, this.#records.users().get(id) ?? [], force);
    this.#records.remove(removal.references, removal.image);
    const untagged = untaggedNames(removal);
    if (removal.image !== null) this.#configs.delete(id);
    this.#changed();
    for (const name of untagged) this.#publish("untag", id, name);
    if (removal.image === null) return { untagged, deleted: [] };
    this.#publish("delete", id, untagged[0] ?? id);
    await this.#gate.request();
    return { untagged, deleted: [id] };
  }

  async load(archive: AsyncIterable<Uint8Array>, work: LongWork): Promise<LoadedImage[]> {
    return this.#long("load", "load images", work, async (loading) => {
      const images = await storeArchive(archive, this.#loadStores(), loading);
      this.#records.add(images.map((image) => image.record));
      for (const { plan } of images) this.#configs.set(plan.id, plan.imageConfig);
      this.#changed();
      const loaded = new Map<ImageID, string[]>();
      for (const { plan } of images) {
        loaded.set(plan.id, [...(loaded.get(plan.id) ?? []), ...plan.references.map(familiarReference)]);
      }
      for (const [id, references] of loaded) this.#publish("load", id, references[0] ?? id);
      return [...loaded].map(([id, references]) => ({ id, references: [...new Set(references)] }));
    });
  }

  async import(rootfs: AsyncIterable<Uint8Array>, options: ImportOptions, work: LongWork): Promise<{ id: ImageID }> {
    const plan = planImport(options);
    const title = plan.reference === null ? "import an image" : `import ${familiarReference(plan.reference)}`;
    return this.#long("import", title, work, async (importing) => {
      const { blobs, layers } = this.#options;
      const { record, imageConfig } = await storeRootfs(rootfs, plan, { ...importing, blobs, layers });
      this.#records.add([record]);
      this.#configs.set(record.id, imageConfig);
      this.#changed();
      this.#publish("import", record.id, plan.reference === null ? record.id : familiarReference(plan.reference));
      return { id: record.id };
    });
  }

  async commit(tar: () => AsyncIterable<Uint8Array>, options: CommitOptions, work: LongWork): Promise<{ id: ImageID }> {
    const plan = this.#planCommit(options);
    const name = plan.reference === null ? null : familiarReference(plan.reference);
    return this.#long("commit", name === null ? "commit a container" : `commit ${name}`, work, async (committing) => {
      const { blobs, layers } = this.#options;
      const { record, imageConfig } = await storeCommit(tar(), plan, { ...committing, blobs, layers });
      this.#records.add([record]);
      this.#configs.set(record.id, imageConfig);
      this.#changed();
      if (name !== null) this.#publish("tag", record.id, name);
      return { id: record.id };
    });
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

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Deletes blobs and layers that no image holds. Only while nothing is being made: see SweepGate. */
  async sweep(): Promise<void> {
    const { blobs, layers } = this.#options;
    const images = this.#records.list();
    const kept = new Set<Digest | null>(
      images.flatMap((image) => [image.id, image.manifestDigest, ...image.layers.map((layer) => layer.blobDigest)]),
    );
    await layers.sweep(images.map((image) => image.layers.map((layer) => layer.diffID)));
    for (const digest of await blobs.list()) if (!kept.has(digest)) await blobs.remove(digest);
  }

  /** Shows the work to everyone, keeps the sweep away while it lasts, and sweeps what it did not need. */
  async #long<T>(kind: string, title: string, work: LongWork, run: (work: LoadWork) => Promise<T>): Promise<T> {
    using operation = this.#options.operations.begin(kind, title);
    using progress = new ProgressReporter((newest) => {
      operation.report(newest);
      work.onProgress(newest);
    });
    const result = await this.#gate.hold(() => run({ signal: work.signal, progress }));
    void this.#gate.request();
    return result;
  }

  #planCommit(options: CommitOptions): CommitPlan {
    const reference = options.reference === null ? null : parseImageName(options.reference);
    const run = changeRunConfig(options.config, options.changes);
    const base = this.#current().get(options.base).image;
    if (base.imageConfig !== null) return { base, baseConfig: base.imageConfig, reference, run, options };
    throw new EngineError("corrupt", `the config of image ${shortID(base.id)} is lost`, {
      hint: "get the image again",
    });
  }

  #loadStores(): Parameters<typeof storeArchive>[1] {
    const { blobs, layers } = this.#options;
    const known = new Set(
      this.#current().images.flatMap((image) => image.layers.map((layer) => `${layer.diffID} ${layer.blobDigest}`)),
    );
    return { blobs, layers, isLayerBlob: (diffID, digest) => known.has(`${diffID} ${digest}`) };
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

  #publish(action: string, id: ImageID, name: string): void {
    this.#options.events.publish({ type: "image", action, id, attributes: { name: name === id ? shortID(id) : name } });
  }
}

function planImport(options: ImportOptions): ImportPlan {
  return {
    reference: options.reference === null ? null : parseImageName(options.reference),
    run: parseChanges(options.changes),
    message: options.message === "" ? "Imported from -" : options.message,
    createdAt: options.createdAt ?? new Date().toISOString(),
  };
}
