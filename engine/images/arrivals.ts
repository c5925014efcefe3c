import type { BlobStore } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import type { Operations } from "../events/operations.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import type { DiffID, Digest, ImageID } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { hostPlatform, parsePlatform } from "../oci/platform.ts";
import { familiarReference } from "../oci/reference.ts";
import type { LoadedImage } from "../protocol/images.ts";
import type { PulledImage } from "../protocol/transfers.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { storeAssembled } from "./assemble-image.ts";
import { type Catalog, shortID } from "./catalog.ts";
import { parseChanges } from "./changes-parser.ts";
import { type CommitPlan, changeRunConfig, storeCommit } from "./commit-image.ts";
import type { ImageEvents } from "./image-events.ts";
import { parseImageName } from "./image-plan.ts";
import type { ImageRecord } from "./image-records.ts";
import type { CommitOptions, ImageParts, ImportOptions, LongWork, PullRequest } from "./image-service.ts";
import { type ImportPlan, storeRootfs } from "./import-image.ts";
import { type LeasedBlobs, leasedBlobs } from "./leased-blobs.ts";
import type { Leases } from "./leases.ts";
import { type LoadWork, storeArchive } from "./load-images.ts";
import type { TrustPolicy } from "./policy.ts";
import { ProgressReporter } from "./progress-reporter.ts";
import { pullImages } from "./pull.ts";
import { LayerFetcher } from "./pull-layers.ts";
import type { Sweeper } from "./sweeper.ts";

export type ArrivalParts = {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly registries: RegistryClient;
  readonly policy: TrustPolicy;
  readonly operations: Operations;
  readonly leases: Leases;
  readonly sweeper: Sweeper;
  readonly catalog: () => Catalog;
  /** Writes records, all of whose bytes are there, in one transaction. */
  readonly add: (images: readonly ArrivedImage[]) => void;
  readonly events: ImageEvents;
};

/** What a work that makes images gets. */
type MakingWork = LoadWork & { readonly blobs: LeasedBlobs; readonly layers: LayerStore };

export type ArrivedImage = { readonly record: ImageRecord; readonly imageConfig: ImageConfig };

/** The ways by which images come: from a registry, from an archive, from a root file system and from a container. */
export class Arrivals {
  readonly #parts: ArrivalParts;
  readonly #fetcher: LayerFetcher;

  constructor(parts: ArrivalParts) {
    this.#parts = parts;
    const { blobs, layers } = parts;
    this.#fetcher = new LayerFetcher({ blobs, layers, isLayerBlob: this.#isLayerBlob, hasTar: this.#hasTar });
  }

  pull(request: PullRequest, work: LongWork): Promise<PulledImage[]> {
    const { events, add } = this.#parts;
    return this.#show("pull", `pull ${request.reference}`, work, async (pulling) => {
      const parts = { ...this.#parts, fetcher: this.#fetcher, add: (image: ArrivedImage) => add([image]) };
      try {
        const images = await pullImages(request, parts, pulling);
        for (const { id, reference } of images) events.publishTransfer("pull", id as ImageID, reference);
        return images;
      } catch (error) {
        // What no lease keeps goes before the failure is told.
        await this.#parts.sweeper.request();
        throw error;
      }
    });
  }

  load(archive: AsyncIterable<Uint8Array>, work: LongWork): Promise<LoadedImage[]> {
    return this.#long("load", "load images", work, async (loading) => {
      const images = await storeArchive(archive, { ...loading, isHere: this.#layerDigests() }, loading);
      this.#parts.add(images.map(({ record, plan }) => ({ record, imageConfig: plan.imageConfig })));
      const loaded = new Map<ImageID, string[]>();
      for (const { plan } of images) {
        loaded.set(plan.id, [...(loaded.get(plan.id) ?? []), ...plan.references.map(familiarReference)]);
      }
      for (const id of loaded.keys()) this.#parts.events.publish("load", id);
      return [...loaded].map(([id, references]) => ({ id, references: [...new Set(references)] }));
    });
  }

  async import(rootfs: AsyncIterable<Uint8Array>, options: ImportOptions, work: LongWork): Promise<{ id: ImageID }> {
    const plan = planImport(options);
    const name = plan.reference === null ? null : familiarReference(plan.reference);
    return this.#long("import", `import ${name ?? "an image"}`, work, async (importing) => {
      const { add, events } = this.#parts;
      const image = await storeRootfs(rootfs, plan, importing);
      add([image]);
      if (name !== null) events.publish("tag", image.record.id, name);
      events.publish("import", image.record.id);
      return { id: image.record.id };
    });
  }

  async commit(tar: () => AsyncIterable<Uint8Array>, options: CommitOptions, work: LongWork): Promise<{ id: ImageID }> {
    const plan = this.#planCommit(options);
    const name = plan.reference === null ? null : familiarReference(plan.reference);
    return this.#long("commit", `commit ${name ?? "a container"}`, work, async (committing) => {
      const { add, events } = this.#parts;
      const image = await storeCommit(tar(), plan, committing);
      add([image]);
      if (name !== null) events.publish("tag", image.record.id, name);
      return { id: image.record.id };
    });
  }

  async assemble(parts: ImageParts): Promise<{ id: ImageID }> {
    const { add, events, leases, sweeper } = this.#parts;
    const references = parts.references.map(parseImageName);
    try {
      using lease = leases.begin();
      const image = await storeAssembled(parts, references, { ...this.#parts, lease });
      add([image]);
      for (const reference of references) events.publish("tag", image.record.id, familiarReference(reference));
      return { id: image.record.id };
    } catch (error) {
      void sweeper.request();
      throw error;
    }
  }

  /** Holds what the work makes until it has ended, and sweeps what was not needed. */
  #long<T>(kind: string, title: string, work: LongWork, run: (work: MakingWork) => Promise<T>): Promise<T> {
    return this.#show(kind, title, work, async ({ signal, onProgress }) => {
      const { leases, layers, blobs, sweeper } = this.#parts;
      using progress = new ProgressReporter(onProgress);
      const lease = leases.begin();
      try {
        const result = await run({ signal, progress, lease, layers, blobs: leasedBlobs(blobs, lease) });
        lease[Symbol.dispose]();
        void sweeper.request();
        return result;
      } catch (error) {
        // What a failed work has left goes before its failure is told.
        lease[Symbol.dispose]();
        await sweeper.request();
        throw error;
      }
    });
  }

  /** Shows the work to everyone, and lets everyone cancel it. */
  async #show<T>(kind: string, title: string, work: LongWork, run: (work: LongWork) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    using operation = this.#parts.operations.begin(kind, title, () => abort.abort());
    return await run({
      signal: AbortSignal.any([work.signal, abort.signal]),
      onProgress: (progress) => {
        operation.report(progress);
        work.onProgress(progress);
      },
    });
  }

  readonly #isLayerBlob = (diffID: DiffID, digest: Digest): boolean => {
    const isIt = (layer: { diffID: DiffID; blobDigest: Digest | null }): boolean =>
      layer.diffID === diffID && layer.blobDigest === digest;
    return this.#parts
      .catalog()
      .holdersOf(diffID)
      .some(({ layers }) => layers.some(isIt));
  };

  readonly #hasTar = (chain: readonly DiffID[]): boolean => {
    const diffID = chain.at(-1);
    if (diffID === undefined || this.#parts.layers.isOwn(chain)) return true;
    const layers = this.#parts
      .catalog()
      .holdersOf(diffID)
      .flatMap((image) => image.layers);
    return layers.some((layer) => layer.diffID === diffID && layer.blobDigest !== null);
  };

  /** Tells whether a digest is one of a layer that some image has now, or of its blob. */
  #layerDigests(): (digest: Digest) => boolean {
    const { images } = this.#parts.catalog();
    const known = new Set(images.flatMap(({ layers }) => layers.flatMap((layer) => [layer.diffID, layer.blobDigest])));
    return (digest) => known.has(digest);
  }

  #planCommit(options: CommitOptions): CommitPlan {
    const reference = options.reference === null ? null : parseImageName(options.reference);
    const run = changeRunConfig(options.config, options.changes);
    const base = this.#parts.catalog().get(options.base).image;
    if (base.imageConfig !== null) return { base, baseConfig: base.imageConfig, reference, run, options };
    throw new EngineError("corrupt", `the config of image ${shortID(base.id)} is lost`, {
      hint: "get the image again",
    });
  }
}

function planImport(options: ImportOptions): ImportPlan {
  return {
    reference: options.reference === null ? null : parseImageName(options.reference),
    run: parseChanges(options.changes),
    platform: options.platform === undefined ? hostPlatform() : parsePlatform(options.platform),
    message: options.message === "" ? "Imported from -" : options.message,
    createdAt: options.createdAt ?? new Date().toISOString(),
  };
}
