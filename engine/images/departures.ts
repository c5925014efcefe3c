import type { BlobStore } from "../content/blob-store.ts";
import type { Operations } from "../events/operations.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { cancellableOutput } from "../lib/cancellable-output.ts";
import { type Digest, type ImageID, isDigest } from "../oci/digest.ts";
import { parseReference } from "../oci/reference.ts";
import type { PushedImage } from "../protocol/transfers.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import { storeAssembled } from "./assemble-image.ts";
import { attested } from "./attestations.ts";
import { type Catalog, catalogImage, repositoryOf } from "./catalog.ts";
import type { ImageEvents } from "./image-events.ts";
import { parseImageName } from "./image-plan.ts";
import type { ImageRecords } from "./image-records.ts";
import type { ImageParts, LongWork, PushRequest, SaveFormat, SaveOutput, SaveRequest } from "./image-service.ts";
import { leasedBlobs } from "./leased-blobs.ts";
import type { Leases } from "./leases.ts";
import { pushImages } from "./push.ts";
import { type OpenArchive, openArchive, openFiles, outgoingOf } from "./save.ts";
import type { Sweeper } from "./sweeper.ts";

export type DepartureParts = {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  readonly records: ImageRecords;
  readonly registries: RegistryClient;
  readonly operations: Operations;
  readonly leases: Leases;
  readonly sweeper: Sweeper;
  readonly catalog: () => Catalog;
  /** Called when records have changed. */
  readonly onRecord: () => void;
  readonly events: ImageEvents;
};

/** The ways by which images leave: to a registry, and into an archive. */
export class Departures {
  readonly #parts: DepartureParts;

  constructor(parts: DepartureParts) {
    this.#parts = parts;
  }

  async push(request: PushRequest, work: LongWork): Promise<PushedImage[]> {
    const { records, leases, blobs, sweeper, operations, onRecord } = this.#parts;
    const abort = new AbortController();
    const signal = AbortSignal.any([work.signal, abort.signal]);
    using operation = operations.begin("push", `push ${request.reference}`, () => abort.abort());
    const onPushed = (id: ImageID, { reference, digest }: PushedImage): void => {
      // It may have been removed meanwhile.
      const isHere = this.#parts.catalog().findByID(id) !== null;
      if (isHere && isDigest(digest)) records.addDigest(repositoryOf(parseReference(reference)), digest, id);
      onRecord();
      this.#parts.events.publishTransfer("push", id, reference);
    };
    const lease = leases.begin();
    const parts = { ...this.#parts, registry: this.#parts.registries, lease, blobs: leasedBlobs(blobs, lease) };
    const onProgress: LongWork["onProgress"] = (progress) => {
      operation.report(progress);
      work.onProgress(progress);
    };
    try {
      return await pushImages(request, parts, { signal, onProgress, onPushed });
    } finally {
      lease[Symbol.dispose]();
      // Layers that were compressed are kept that way: their plain tars are nobody's now.
      void sweeper.request();
    }
  }

  async save(request: SaveRequest, output: SaveOutput, work: LongWork): Promise<{ bytes: number }> {
    const { leases, sweeper, operations } = this.#parts;
    const abort = new AbortController();
    const signal = AbortSignal.any([work.signal, abort.signal]);
    const title = `save ${request.images.join(" ").slice(0, 200)}`;
    using operation = operations.begin("save", title, () => abort.abort());
    const onProgress: LongWork["onProgress"] = (progress) => {
      operation.report(progress);
      work.onProgress(progress);
    };
    // Once its files are open a client may take as long as it likes: nothing waits for it.
    const open = async (): Promise<OpenArchive> => {
      using lease = leases.begin();
      const blobs = leasedBlobs(this.#parts.blobs, lease);
      return await openArchive(request, { ...this.#parts, blobs, catalog: this.#parts.catalog() }, signal);
    };
    await using archive = await open().finally(() => void sweeper.request());
    const bytes = await archive.write(cancellableOutput(output, abort.signal, "save"), { signal, onProgress });
    for (const id of archive.images) this.#parts.events.publish("save", id);
    return { bytes };
  }

  /** See ImageService.exportAssembled. */
  async exportAssembled(
    parts: ImageParts & { readonly format: SaveFormat },
    output: SaveOutput,
    work: LongWork,
  ): Promise<{ id: ImageID; digest: Digest; bytes: number }> {
    const { leases, sweeper, layers } = this.#parts;
    const references = parts.references.map(parseImageName);
    using lease = leases.begin();
    try {
      const { record, imageConfig } = await storeAssembled(parts, references, {
        ...this.#parts,
        lease,
        isPassing: true,
      });
      const image = catalogImage(record, imageConfig, layers);
      const blobs = leasedBlobs(this.#parts.blobs, lease);
      const plain = await outgoingOf(image, { layers, blobs, catalog: this.#parts.catalog() }, work.signal);
      const outgoing = await attested(plain, image, { blobs, references });
      await using archive = await openFiles([{ outgoing, references }], [image.id], { blobs, format: parts.format });
      const { digest } = outgoing.attested?.index.descriptor ?? outgoing.manifest;
      return { id: image.id, digest, bytes: await archive.write(output, work) };
    } finally {
      lease[Symbol.dispose]();
      void sweeper.request();
    }
  }
}
