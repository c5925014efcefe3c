import { existsSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { errnoError, errnoOf } from "../host/errno.ts";
import { Batched } from "../lib/batched.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { syncDirectory, writeDurably } from "../lib/durable-file.ts";
import { Holds } from "../lib/holds.ts";
import { KeyedQueue } from "../lib/keyed-queue.ts";
import { chainIDOf, chainIDsOf } from "../oci/chain-id.ts";
import { type DiffID, hexOf } from "../oci/digest.ts";
import { DiskSync } from "./disk-sync.ts";
import { formatRecord, type LayerRecord, parseRecord, recordOf, summaryOf } from "./layer-record.ts";
import type {
  LayerDigests,
  LayerSource,
  PlacedLayer,
  ReadonlyLayer,
  StagedLayer,
  UnpackedLayer,
  UnpackOptions,
} from "./layer-store.ts";
import type { TarFile, UnpackedTar } from "./layer-tasks.ts";
import { Trash } from "./trash.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Name of a layer's directory: 64 hex digits of its diffID, or of its chainID where it only fits one place. */
export type LayerName = string;

/** Where a layer was unpacked to, and what DiskSync.failures was before. */
type Staged = { readonly staging: string; readonly failures: number; readonly onReplace: (() => void) | null };

export type LayerPools = {
  readonly unpack: WorkerPool;
  /** For what is still being downloaded: whoever waits for it keeps nobody else from unpacking. */
  readonly follow: WorkerPool;
  readonly chores: WorkerPool;
};

/** `<root>/layers/<name>/{fs,layer.json}`, known from the start to the end by an index in memory. */
export class ReadonlyLayers {
  readonly #directory: string;
  readonly #pools: LayerPools;
  readonly #chores: WorkerPool;
  readonly #trash: Trash;
  readonly #directorySync: Batched;
  readonly #disk = new DiskSync();
  readonly #holds = new Holds();
  readonly #index = new Map<LayerName, LayerRecord>();
  /** A name is given or taken away by one at a time. */
  readonly #names = new KeyedQueue();
  /** Unpacks under way by diffID. */
  readonly #running = new Map<DiffID, Promise<unknown>>();

  constructor(directory: string, pools: LayerPools) {
    this.#directory = directory;
    this.#pools = pools;
    this.#chores = pools.chores;
    this.#trash = new Trash(directory, pools.chores);
    this.#directorySync = new Batched(() => syncDirectory(directory));
  }

  /** Reads what is there. A directory without a valid record is no layer: it is replaced when its layer comes. */
  async open(): Promise<void> {
    this.#disk.open(this.#directory);
    for (const name of await this.#trash.sweep()) {
      const path = join(this.#directory, name, "layer.json");
      const bytes = /^[0-9a-f]{64}$/.test(name) ? await readFile(path).catch(() => null) : null;
      if (bytes === null) continue;
      try {
        this.#index.set(name, parseRecord(bytes, path));
      } catch {
        await this.#trash.discard(join(this.#directory, name));
      }
    }
  }

  close(): Promise<void> {
    return this.#disk.close();
  }

  async unpack(chain: readonly DiffID[], source: LayerSource, options: UnpackOptions): Promise<UnpackedLayer> {
    const diffID = chain.at(-1);
    if (diffID === undefined) throw new EngineError("invalid-argument", "a layer without a diffID cannot be unpacked");
    for (;;) {
      throwIfAborted(options.signal);
      const known = this.find(chain);
      if (known !== null) return { ...known, digest: null };
      const running = this.#running.get(diffID);
      if (running === undefined) break;
      // If that one fails or is cancelled, this caller has a source of its own.
      await orAborted(running, options.signal);
    }
    const work = this.#unpackNew(chain, source, options);
    const ended = work.catch(() => {}).finally(() => this.#running.delete(diffID));
    this.#running.set(diffID, ended);
    return await work;
  }

  async unpackBase(source: LayerSource, options: UnpackOptions): Promise<UnpackedLayer> {
    await using staged = await this.stage(source, options);
    return { ...(await staged.keep([staged.diffID])), digest: staged.digest };
  }

  /** Unpacks beside; a failure leaves nothing there. */
  async stage(source: LayerSource, options: UnpackOptions): Promise<StagedLayer> {
    const staging = this.#trash.newPath();
    const { failures } = this.#disk;
    let read = 0;
    const onProgress = (bytes: number): void => {
      this.#disk.begin(bytes - read);
      read = bytes;
      options.onProgress?.(bytes);
    };
    try {
      const task = { kind: "unpack", source: tarFileOf(source), target: staging } as const;
      const unpacked = await this.#poolFor(source).run(task, { ...options, onProgress });
      throwIfAborted(options.signal);
      this.#disk.begin();
      return {
        digest: unpacked.digest,
        diffID: unpacked.diffID,
        path: staging,
        keep: (chain, { onReplace = null } = {}) => this.#keep(chain, unpacked, { staging, failures, onReplace }),
        [Symbol.asyncDispose]: () => this.#trash.destroy(staging).catch(() => {}),
      };
    } catch (error) {
      await this.#trash.destroy(staging).catch(() => {});
      throw error;
    }
  }

  #poolFor({ isRemote }: LayerSource): WorkerPool {
    return isRemote === true ? this.#pools.follow : this.#pools.unpack;
  }

  digest(source: LayerSource, options: UnpackOptions): Promise<LayerDigests> {
    return this.#poolFor(source).run({ kind: "digest", source: tarFileOf(source) }, options);
  }

  find(chain: readonly DiffID[]): ReadonlyLayer | null {
    const name = this.findName(chain);
    const record = name === null ? undefined : this.#index.get(name);
    return record === undefined ? null : summaryOf(record);
  }

  findAll(chain: readonly DiffID[]): (PlacedLayer | null)[] {
    return this.findNames(chain).map((name) => {
      const record = name === null ? undefined : this.#index.get(name);
      return name === null || record === undefined ? null : { ...summaryOf(record), path: this.pathOf(name) };
    });
  }

  findName(chain: readonly DiffID[]): LayerName | null {
    return this.findNames(chain).at(-1) ?? null;
  }

  /** Name of each layer of a chain, lowest first; null where it is not unpacked. */
  findNames(chain: readonly DiffID[]): (LayerName | null)[] {
    const chainIDs = chainIDsOf(chain);
    return chain.map((diffID, position) => {
      const chainID = hexOf(chainIDs[position] ?? diffID);
      if (this.#index.has(chainID)) return chainID;
      // A lowest layer with directories of its own making lies under its diffID, too, and fits nowhere else.
      return this.#index.get(hexOf(diffID))?.implicit.length === 0 ? hexOf(diffID) : null;
    });
  }

  /** Names of all layers of a chain, lowest first. Fails with `not-found`. */
  namesOf(chain: readonly DiffID[]): LayerName[] {
    return this.findNames(chain).map((name, position) => {
      if (name !== null) return name;
      throw new EngineError("not-found", `layer ${chain[position]} is not unpacked`, {
        hint: "load or import its image again",
      });
    });
  }

  /** Of all layers, by name. */
  get records(): ReadonlyMap<LayerName, LayerRecord> {
    return this.#index;
  }

  get holds(): Holds {
    return this.#holds;
  }

  /** Takes away a layer, whoever needs it. */
  async discard(name: LayerName): Promise<void> {
    await this.#names.run(name, () => this.#remove(name));
  }

  /** Calls `use` with what has a name but is no layer, once nobody gives or takes that name. False: there is no such thing. */
  withStranger(name: string, use: (path: string) => Promise<void>): Promise<boolean> {
    return this.#names.run(name, async () => {
      const path = join(this.#directory, name);
      if (this.#index.has(name) || !existsSync(path)) return false;
      await use(path);
      return true;
    });
  }

  async discardStranger(name: string): Promise<void> {
    await this.withStranger(name, (path) => this.#trash.discard(path));
  }

  pathOf(name: LayerName): string {
    return join(this.#directory, name, "fs");
  }

  has(name: LayerName): boolean {
    return this.#index.has(name);
  }

  /** True: the layer says what the owner and mode of the top directory are. */
  describesRoot(name: LayerName): boolean {
    return this.#index.get(name)?.hasRoot === true;
  }

  /** Gives the implicit directories of the chain's layers the owner and mode they have below, as far as these layers are there. */
  async settle(chain: readonly DiffID[]): Promise<void> {
    const below: string[] = [];
    for (const [position, name] of this.findNames(chain).entries()) {
      if (name === null) return;
      if (position > 0) await this.#names.run(name, () => this.#settleOne(name, below));
      below.unshift(this.pathOf(name));
    }
  }

  /** Every name that a layer of the chain may have. */
  hold(chain: readonly DiffID[]): Promise<Disposable> {
    return this.#holds.hold([...chain, ...chainIDsOf(chain)].map(hexOf));
  }

  /** Removes all that are neither kept nor held. Gives bytes freed. */
  async sweep(kept: ReadonlySet<LayerName>): Promise<number> {
    using sweep = this.#holds.beginSweep();
    let freed = 0;
    for (const name of [...this.#index.keys()]) {
      if (kept.has(name)) continue;
      await sweep.drop(name, async () => {
        freed += await this.#names.run(name, () => this.#remove(name));
      });
    }
    return freed;
  }

  async #remove(name: LayerName): Promise<number> {
    const size = this.#index.get(name)?.size ?? 0;
    this.#index.delete(name);
    await this.#trash.discard(join(this.#directory, name));
    return size;
  }

  async #settleOne(name: LayerName, below: readonly string[]): Promise<void> {
    const record = this.#index.get(name);
    if (record === undefined || record.settled) return;
    const layer = bytePathOf(this.pathOf(name));
    await this.#chores.run({ kind: "settle", layer, below: below.map(bytePathOf), implicit: record.implicit });
    const settled = { ...record, settled: true };
    await writeDurably(join(this.#directory, name, "layer.json"), formatRecord(settled));
    this.#index.set(name, settled);
  }

  async #unpackNew(chain: readonly DiffID[], source: LayerSource, options: UnpackOptions): Promise<UnpackedLayer> {
    await using staged = await this.stage(source, options);
    if (options.digest !== undefined && options.digest !== staged.digest) {
      throw new EngineError("corrupt", `blob ${options.digest} has other bytes: they hash to ${staged.digest}`);
    }
    return { ...(await staged.keep(chain)), digest: staged.digest };
  }

  async #keep(chain: readonly DiffID[], unpacked: UnpackedTar, from: Staged): Promise<ReadonlyLayer> {
    const diffID = chain.at(-1);
    if (unpacked.diffID !== diffID) {
      throw new EngineError("corrupt", `layer digest mismatch: want ${diffID}, got ${unpacked.diffID}`, {
        hint: "the image is damaged: get it again",
      });
    }
    const known = from.onReplace === null ? this.find(chain) : null;
    const layer = known ?? (await this.#commit(chain, unpacked, from));
    await this.settle(chain);
    return layer;
  }

  /** A layer that has its name must survive a power cut whole, so everything in it goes to the disk first. */
  async #commit(chain: readonly DiffID[], unpacked: UnpackedTar, from: Staged): Promise<ReadonlyLayer> {
    try {
      await this.#disk.request();
      if (this.#disk.failures !== from.failures) throw new EngineError("internal", "a write to the disk has failed");
    } catch (error) {
      throw errnoError(`keep layer ${unpacked.diffID}`, error);
    }
    const chainID = unpacked.implicit.length === 0 ? null : chainIDOf(chain);
    const name = hexOf(chainID ?? unpacked.diffID);
    const record = recordOf(unpacked);
    return await this.#names.run(name, async () => {
      const known = this.#index.get(name);
      if (known !== undefined && from.onReplace === null) return summaryOf(known);
      const path = join(this.#directory, name);
      // No await until the new one has the name: nobody can mount it meanwhile.
      from.onReplace?.();
      const given = known === undefined ? this.#giveName(from.staging, path) : this.#replace(from.staging, path);
      await given.catch((error: unknown) => {
        throw errnoError(`keep layer ${unpacked.diffID}`, error);
      });
      this.#index.set(name, record);
      return summaryOf(record);
    });
  }

  async #replace(staging: string, path: string): Promise<void> {
    this.#trash.replaceSync(path, staging);
    await this.#directorySync.request();
  }

  async #giveName(staging: string, path: string): Promise<void> {
    try {
      await rename(staging, path);
    } catch (error) {
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
      // Not in the index, so no layer: damaged, or made by something else.
      await this.#trash.discard(path);
      await rename(staging, path);
    }
    await this.#directorySync.request();
  }
}

function tarFileOf({ path, growth }: LayerSource): TarFile {
  return { path, growth: growth ?? null };
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new EngineError("cancelled", "unpack layer: cancelled");
}

async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  signal.addEventListener("abort", wake, { once: true });
  await Promise.race([work, promise]);
  signal.removeEventListener("abort", wake);
  throwIfAborted(signal);
}
