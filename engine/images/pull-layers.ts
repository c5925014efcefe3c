import { stat } from "node:fs/promises";
import type { BlobStore, GrowingIngest } from "../content/blob-store.ts";
import { EngineError } from "../errors.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import { runTogether } from "../lib/settle.ts";
import { SharedWork } from "../lib/shared-work.ts";
import { Slots } from "../lib/slots.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { DiffID, Digest } from "../oci/digest.ts";
import type { ProgressPart } from "../protocol/rpc.ts";
import type { Repository } from "../registry/registry-client.ts";
import { shortID } from "./catalog.ts";

/** Downloads at once, over all pulls. */
const downloadLimit = 3;

/** A layer of a manifest in its place: diffIDs from the lowest up to its own. */
export type WantedLayer = {
  readonly descriptor: Descriptor;
  readonly chain: readonly DiffID[];
  readonly diffID: DiffID;
};

/** How far a layer has come, bytes of its blob. */
export type LayerReport = { readonly phase: ProgressPart["phase"]; readonly current: number };

export type FetchWatch = { readonly signal: AbortSignal; readonly onReport: (report: LayerReport) => void };

type Stores = {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  /** True where these bytes are known to be that layer's tar. */
  readonly isLayerBlob: (diffID: DiffID, digest: Digest) => boolean;
  /** True where a layer's tar is here in some form, or can be made again: else an image of it could not leave. */
  readonly hasTar: (chain: readonly DiffID[]) => boolean;
};

/** Brings layers here. One for the whole engine: two pulls that want the same blob share its download. */
export class LayerFetcher {
  readonly #stores: Stores;
  readonly #slots = new Slots(downloadLimit);
  readonly #running = new Map<Digest, SharedWork<LayerReport, void>>();
  /** Pairs of diffID and blob that were seen to fit since the engine started. */
  readonly #seen = new Set<string>();

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /**
   * Makes a layer be there, which its caller holds. Gives the digest of its blob; null where the layer was unpacked already and the blob is
   * not here: bytes that nobody needs are not fetched, a push makes them anew. Fails with `corrupt`, or as the registry does.
   */
  async fetch(wanted: WantedLayer, from: Repository, watch: FetchWatch): Promise<Digest | null> {
    const { digest } = wanted.descriptor;
    for (;;) {
      if (watch.signal.aborted) throw new EngineError("cancelled", "cancelled");
      const running = this.#running.get(digest);
      if (running === undefined) {
        const found = await this.#findHere(wanted, watch);
        if (found !== undefined) return found;
        if (!this.#running.has(digest)) await this.#share(wanted, from).join(watch.signal, watch.onReport);
      } else if (running.isAbandoned) await running.ended;
      // A failure of somebody else's download is not ours: the next round tries from our own repository.
      else await running.join(watch.signal, watch.onReport).catch(() => {});
    }
  }

  #share(wanted: WantedLayer, from: Repository): SharedWork<LayerReport, void> {
    const { digest } = wanted.descriptor;
    const work = new SharedWork<LayerReport, void>((signal, onReport) =>
      this.#bring(wanted, from, { signal, onReport }),
    );
    this.#running.set(digest, work);
    void work.ended.then(() => this.#running.delete(digest));
    return work;
  }

  /** Undefined: it has to be downloaded. */
  async #findHere(wanted: WantedLayer, watch: FetchWatch): Promise<Digest | null | undefined> {
    const { chain, diffID, descriptor } = wanted;
    const isUnpacked = this.#stores.layers.find(chain) !== null;
    const hasBlob = await this.#hasBlob(descriptor, watch.signal);
    if (!hasBlob) {
      // A blob that an image is known to have had, and that was lost or damaged, comes again; and so does one that went with the last image of
      // a layer, which only a container or the build cache needs by now.
      const isLost = this.#stores.isLayerBlob(diffID, descriptor.digest) || !this.#stores.hasTar(chain);
      if (!isUnpacked || isLost) return undefined;
      watch.onReport({ phase: "present", current: descriptor.size });
      return null;
    }
    if (isUnpacked && this.#isPair(diffID, descriptor.digest)) {
      watch.onReport({ phase: "present", current: descriptor.size });
      return descriptor.digest;
    }
    return (await this.#takeBlob(wanted, isUnpacked, watch)) ? descriptor.digest : undefined;
  }

  async #hasBlob({ digest, size }: Descriptor, signal: AbortSignal): Promise<boolean> {
    const found = await stat(this.#stores.blobs.pathOf(digest)).catch(() => null);
    if (found === null) return false;
    if (found.size === size) return true;
    if (await this.#dropDamaged(digest, signal)) return false;
    throw new EngineError("corrupt", `layer ${digest} has ${found.size} bytes, the manifest says ${size}`);
  }

  /** Unpacks the blob that is here, or sees whether it is this layer. False: it was damaged on the disk, and is gone now. */
  async #takeBlob(
    { chain, diffID, descriptor }: WantedLayer,
    isUnpacked: boolean,
    watch: FetchWatch,
  ): Promise<boolean> {
    const { blobs, layers } = this.#stores;
    const { digest, size } = descriptor;
    const source = { path: blobs.pathOf(digest) };
    const onProgress = (current: number): void => watch.onReport({ phase: "unpacking", current });
    const options = { signal: watch.signal, onProgress };
    try {
      const read = isUnpacked ? null : await layers.unpack(chain, source, { ...options, digest });
      if (read?.digest == null) await this.#checkPair({ ...source, digest, diffID }, options);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "corrupt") throw error;
      // Either the manifest names the wrong blob, or this one is no longer what its name says.
      if (!(await this.#dropDamaged(digest, watch.signal))) throw error;
      return false;
    }
    this.#seen.add(`${diffID} ${digest}`);
    watch.onReport({ phase: "done", current: size });
    return true;
  }

  /** Removes a blob whose bytes are no longer what its name says, so that it is downloaded again. */
  async #dropDamaged(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const { blobs, layers } = this.#stores;
    const found = await layers.digest({ path: blobs.pathOf(digest) }, { signal }).catch(() => null);
    if (signal.aborted) throw new EngineError("cancelled", "cancelled");
    if (found?.digest === digest) return false;
    await blobs.remove(digest);
    return true;
  }

  async #bring(wanted: WantedLayer, from: Repository, watch: FetchWatch): Promise<void> {
    const { digest, size } = wanted.descriptor;
    watch.onReport({ phase: "waiting", current: 0 });
    const wasResumed = await this.#tryToBring(wanted, from, watch).then(
      () => null,
      (error: unknown) => {
        if (error instanceof DamagedStart) return error;
        throw error;
      },
    );
    // What an interrupted download had left was wrong: once more from the start.
    if (wasResumed !== null) await this.#tryToBring(wanted, from, watch);
    this.#seen.add(`${wanted.diffID} ${digest}`);
    watch.onReport({ phase: "done", current: size });
  }

  /** Downloads, and unpacks meanwhile. An interrupted download stays for the next try; wrong bytes do not. */
  async #tryToBring(wanted: WantedLayer, from: Repository, watch: FetchWatch): Promise<void> {
    const slot = await this.#slots.take(watch.signal);
    try {
      await using ingest = await this.#openIngest(wanted.descriptor);
      const start = ingest.size;
      try {
        await this.#receiveAndUnpack(wanted, ingest, { from, slot, watch });
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== "corrupt") throw error;
        await ingest.drop();
        const named = withName(wanted.descriptor.digest, error);
        throw start > 0 ? new DamagedStart(named) : named;
      }
    } finally {
      slot[Symbol.dispose]();
    }
  }

  async #openIngest({ digest, size }: Descriptor): Promise<GrowingIngest> {
    const ingest = await this.#stores.blobs.openGrowingIngest(digest);
    if (ingest.size <= size) return ingest;
    await ingest.drop();
    return this.#stores.blobs.openGrowingIngest(digest);
  }

  async #receiveAndUnpack(
    wanted: WantedLayer,
    ingest: GrowingIngest,
    { from, slot, watch }: { from: Repository; slot: Disposable; watch: FetchWatch },
  ): Promise<void> {
    const { descriptor, chain, diffID } = wanted;
    const { digest } = descriptor;
    let isReceived = false;
    const receive = async (signal: AbortSignal): Promise<void> => {
      for await (const chunk of from.blob(descriptor, ingest.size, signal)) {
        await ingest.take(chunk);
        watch.onReport({ phase: "downloading", current: ingest.size });
      }
      await ingest.end();
      isReceived = true;
      slot[Symbol.dispose]();
    };
    const onProgress = (current: number): void => {
      if (isReceived) watch.onReport({ phase: "unpacking", current });
    };
    const source = { path: ingest.path, growth: ingest.growth, isRemote: true };
    const [, unpacked] = await runTogether(watch.signal, receive, (signal) =>
      this.#stores.layers.unpack(chain, source, { signal, onProgress, digest }),
    );
    if (unpacked.digest === null) {
      await this.#checkPair({ path: ingest.path, digest, diffID }, { signal: watch.signal, onProgress });
    }
    await ingest.commit(digest);
  }

  /** Fails with `corrupt` unless a file has this digest, and the tar in it this diffID. */
  async #checkPair(
    { path, digest, diffID }: { readonly path: string; readonly digest: Digest; readonly diffID: DiffID },
    options: { readonly signal: AbortSignal; readonly onProgress: (bytes: number) => void },
  ): Promise<void> {
    const found = await this.#stores.layers.digest({ path }, options);
    if (found.digest !== digest) {
      throw new EngineError("corrupt", `blob ${digest} has other bytes: they hash to ${found.digest}`);
    }
    if (found.diffID === diffID) return;
    throw new EngineError("corrupt", `layer digest mismatch: want ${diffID}, got ${found.diffID}`);
  }

  #isPair(diffID: DiffID, digest: Digest): boolean {
    return this.#seen.has(`${diffID} ${digest}`) || this.#stores.isLayerBlob(diffID, digest);
  }
}

/** What was wrong with a tar says nothing of which one it was. */
function withName(digest: Digest, error: EngineError): EngineError {
  if (error.message.includes(shortID(digest))) return error;
  return new EngineError("corrupt", `blob ${digest} cannot be unpacked: ${error.message}`, { cause: error });
}

/** Bytes that were there before this download may be the reason for a wrong digest. */
class DamagedStart extends EngineError {
  constructor(cause: EngineError) {
    super(cause.code, cause.message, { cause, hint: cause.hint });
  }
}
