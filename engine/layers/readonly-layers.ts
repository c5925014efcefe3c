import { existsSync, writeFileSync } from "node:fs";
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
import { LayerIndex, type LayerName } from "./layer-index.ts";
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
import { throwIfAborted, UnpackTurns } from "./unpack-turns.ts";
import { UnsyncedLayers } from "./unsynced-layers.ts";
import type { WorkerPool } from "./worker-pool.ts";

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
  readonly #index = new LayerIndex();
  /** A name is given or taken away by one at a time. */
  readonly #names = new KeyedQueue();
  readonly #turns = new UnpackTurns();
  readonly #unsynced: UnsyncedLayers;

  constructor(directory: string, pools: LayerPools) {
    this.#directory = directory;
    this.#pools = pools;
    this.#chores = pools.chores;
    this.#trash = new Trash(directory, pools.chores);
    this.#directorySync = new Batched(() => syncDirectory(directory));
    this.#unsynced = new UnsyncedLayers(directory, this.#disk);
  }

  /** Reads what is there. A directory without a valid record is no layer: it is replaced when its layer comes. */
  async open(): Promise<void> {
    this.#disk.open(this.#directory);
    for (const name of await this.#trash.sweep()) {
      const path = join(this.#directory, name, "layer.json");
      const bytes = /^[0-9a-f]{64}$/.test(name) ? await readFile(path).catch(() => null) : null;
      if (bytes === null) continue;
      try {
        const record = parseRecord(bytes, path);
        if (!this.#unsynced.takeUp(name)) throw new EngineError("corrupt", `layer ${name} may not be whole`);
        this.#index.set(name, record);
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
    const unpacked = await this.#turns.take<UnpackedLayer>(diffID, options.signal, {
      find: () => {
        const known = this.#index.find(chain);
        return known === null ? null : { ...known, digest: null };
      },
      unpack: () => this.#unpackNew(chain, source, options),
    });
    await this.persist(chain);
    return unpacked;
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

  findAll(chain: readonly DiffID[]): (PlacedLayer | null)[] {
    return this.#index.findNames(chain).map((name) => {
      const record = name === null ? undefined : this.#index.get(name);
      return name === null || record === undefined ? null : { ...summaryOf(record), path: this.pathOf(name) };
    });
  }

  get index(): Omit<LayerIndex, "set" | "delete" | "clear"> {
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
    for (const [position, name] of this.#index.findNames(chain).entries()) {
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

  /** A place for a layer in the making: `adopt` gives it its name, or `drop` takes it away. */
  newPlace(failures = this.failures): { readonly path: string; readonly failures: number } {
    return { path: this.#trash.newPath(), failures };
  }

  /** See DiskSync.failures. */
  get failures(): number {
    return this.#disk.failures;
  }

  async drop(path: string): Promise<void> {
    await this.#trash.destroy(path).catch(() => {});
  }

  /** Gives a layer that was made here its name, if there is none like it. It is on the disk only once it is persisted. */
  async adopt(
    { path, failures }: { readonly path: string; readonly failures: number },
    made: UnpackedTar,
  ): Promise<void> {
    const name = hexOf(made.diffID);
    await this.#names.run(name, async () => {
      if (this.#index.has(name)) return;
      const record: LayerRecord = { ...recordOf(made), isOwn: true };
      writeFileSync(join(path, "layer.json"), formatRecord(record), { mode: 0o600 });
      this.#unsynced.mark(path);
      await this.#giveName(path, join(this.#directory, name));
      this.#unsynced.add(name, failures);
      this.#index.set(name, record);
    });
    this.#disk.begin(made.size);
  }

  async persist(chain: readonly DiffID[]): Promise<void> {
    await this.#unsynced.persist(this.#index.findNames(chain));
  }

  async #remove(name: LayerName): Promise<number> {
    const size = this.#index.get(name)?.size ?? 0;
    this.#index.delete(name);
    this.#unsynced.forget(name);
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
    const known = from.onReplace === null ? this.#index.find(chain) : null;
    const layer = known ?? (await this.#commit(chain, unpacked, from));
    await this.settle(chain);
    await this.persist(chain);
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
      const given = known === undefined ? this.#giveDurably(from.staging, path) : this.#replace(from.staging, path);
      await given.catch((error: unknown) => {
        throw errnoError(`keep layer ${unpacked.diffID}`, error);
      });
      this.#unsynced.forget(name);
      this.#index.set(name, record);
      return summaryOf(record);
    });
  }

  async #replace(staging: string, path: string): Promise<void> {
    this.#trash.replaceSync(path, staging);
    await this.#directorySync.request();
  }

  async #giveDurably(staging: string, path: string): Promise<void> {
    await this.#giveName(staging, path);
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
  }
}

function tarFileOf({ path, growth }: LayerSource): TarFile {
  return { path, growth: growth ?? null };
}
