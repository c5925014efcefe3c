import { chmod, mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { errnoError } from "../host/errno.ts";
import type { IDRange } from "../host/id-ranges.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import type { DiffID } from "../oci/digest.ts";
import { commitLayer, squashChain } from "./commit-layer.ts";
import type {
  ChangesOptions,
  ChangesPage,
  CommitLayerOptions,
  CommittedLayer,
  LayerDigests,
  LayerPlace,
  LayerSource,
  LayerStore,
  MountOptions,
  PlacedLayer,
  ReadonlyLayer,
  StagedLayer,
  UnpackedLayer,
  UnpackOptions,
  WritableKey,
  WritableUsage,
} from "./layer-store.ts";
import { OverlayLayerUpkeep } from "./layer-upkeep.ts";
import { ReadonlyLayers } from "./readonly-layers.ts";
import { relativePaths } from "./relative-paths.ts";
import { WorkerPool } from "./worker-pool.ts";
import { type PrepareOptions, WritableLayers } from "./writable-layers.ts";

export type LayerStoreOptions = {
  /** The engine's root directory. Absolute; one engine at a time. */
  readonly root: string;
};

/** Opens the store under a root directory, makes what is missing, and sweeps in the background what a crash left. */
export async function openLayerStore(options: LayerStoreOptions): Promise<LayerStore> {
  const store = new OverlayLayerStore(options.root);
  try {
    await store.open();
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw errnoError(`open layer store in ${options.root}`, error);
  }
}

class OverlayLayerStore implements LayerStore {
  readonly #root: string;
  readonly #unpacking = new WorkerPool(Math.min(4, Math.max(2, availableParallelism())));
  readonly #following = new WorkerPool(Math.min(4, Math.max(2, availableParallelism())));
  /** Steps of builds. */
  readonly #making = new WorkerPool(Math.min(4, Math.max(2, availableParallelism())));
  /** Apart, so that nobody waits behind an image for the size of a container. */
  readonly #chores = new WorkerPool(1);
  readonly #readonly: ReadonlyLayers;
  readonly #writable: WritableLayers;
  /** DiskSync.failures when a writable layer was made; of those of earlier engines nobody knows. */
  readonly #failures = new Map<WritableKey, number>();
  readonly upkeep: OverlayLayerUpkeep;

  constructor(root: string) {
    this.#root = root;
    this.#readonly = new ReadonlyLayers(join(root, "layers"), {
      unpack: this.#unpacking,
      follow: this.#following,
      chores: this.#chores,
    });
    this.#writable = new WritableLayers(join(root, "containers"), this.#chores, this.#readonly);
    this.upkeep = new OverlayLayerUpkeep(join(root, "layers"), { readonly: this.#readonly, writable: this.#writable });
  }

  async open(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o710 });
    // Layers hold setuid programs, which nobody but a container may run (CVE-2021-41091). A container whose root is nobody on the host has to
    // get to its own directory, which lets nobody else through.
    for (const [name, mode] of [["layers", 0o700] as const, ["containers", 0o711] as const]) {
      await mkdir(join(this.#root, name), { recursive: true, mode });
      await chmod(join(this.#root, name), mode);
    }
    await this.#readonly.open();
    await this.#writable.open();
  }

  unpack(chain: readonly DiffID[], source: LayerSource, options: UnpackOptions): Promise<UnpackedLayer> {
    return this.#readonly.unpack(chain, source, options);
  }

  unpackBase(source: LayerSource, options: UnpackOptions): Promise<UnpackedLayer> {
    return this.#readonly.unpackBase(source, options);
  }

  stage(source: LayerSource, options: UnpackOptions): Promise<StagedLayer> {
    return this.#readonly.stage(source, options);
  }

  digest(source: LayerSource, options: UnpackOptions): Promise<LayerDigests> {
    return this.#readonly.digest(source, options);
  }

  find(chain: readonly DiffID[]): ReadonlyLayer | null {
    return this.#readonly.index.find(chain);
  }

  findAll(chain: readonly DiffID[]): readonly (PlacedLayer | null)[] {
    return this.#readonly.findAll(chain);
  }

  isOwn(chain: readonly DiffID[]): boolean {
    const name = this.#readonly.index.findName(chain);
    return name !== null && this.#readonly.index.get(name)?.isOwn === true;
  }

  pathOf(chain: readonly DiffID[]): string {
    const name = this.#readonly.index.findName(chain);
    if (name !== null) return this.#readonly.pathOf(name);
    throw new EngineError("not-found", `layer ${chain.at(-1) ?? "of an empty chain"} is not unpacked`);
  }

  placesOf(chain: readonly DiffID[]): LayerPlace[] {
    return this.#placesOfNames(this.#readonly.index.namesOf(chain));
  }

  hold(chain: readonly DiffID[]): Promise<Disposable> {
    return this.#readonly.hold(chain);
  }

  sweep(kept: readonly (readonly DiffID[])[]): Promise<number> {
    const names = this.#writable.used();
    for (const chain of kept) {
      for (const name of this.#readonly.index.findNames(chain)) if (name !== null) names.add(name);
    }
    return this.#readonly.sweep(names);
  }

  prepare(key: WritableKey, chain: readonly DiffID[], ids: IDRange | null = null): Promise<void> {
    return this.#prepare(key, chain, { ids, isPassing: false });
  }

  preparePassing(key: WritableKey, chain: readonly DiffID[]): Promise<void> {
    return this.#prepare(key, chain, { ids: null, isPassing: true });
  }

  async #prepare(key: WritableKey, chain: readonly DiffID[], options: PrepareOptions): Promise<void> {
    const names = this.#readonly.index.namesOf(chain);
    this.#failures.set(key, this.#readonly.failures);
    // First, since it holds the layers from its first moment on.
    await this.#writable.prepare(key, names, options);
    try {
      await this.#readonly.settle(chain);
    } catch (error) {
      await this.#writable.remove(key);
      throw error;
    }
  }

  idsOf(key: WritableKey): IDRange | null {
    return this.#writable.idsOf(key);
  }

  allIDs(): readonly IDRange[] {
    return this.#writable.allIDs();
  }

  rootfsOf(key: WritableKey): string {
    return this.#writable.rootfsOf(key);
  }

  mount(key: WritableKey, options?: MountOptions): Promise<string> {
    // What is mounted so is committed soon.
    if (options?.isVolatile) this.#making.warm();
    return this.#writable.mount(key, options);
  }

  unmount(key: WritableKey): Promise<void> {
    return this.#writable.unmount(key);
  }

  keepMounted(key: WritableKey): Promise<AsyncDisposable> {
    return this.#writable.keepMounted(key);
  }

  remove(key: WritableKey): Promise<void> {
    this.#failures.delete(key);
    return this.#writable.remove(key);
  }

  writablePlaceOf(key: WritableKey) {
    return { upper: this.#writable.upperOf(key), below: this.#placesOfNames(this.#writable.layersOf(key)) };
  }

  listWritable(): readonly WritableKey[] {
    return this.#writable.list();
  }

  hasWritable(key: WritableKey): boolean {
    return this.#writable.find(key) !== null;
  }

  changes(key: WritableKey, limit: number, { after = null, mountPoints }: ChangesOptions = {}): Promise<ChangesPage> {
    const [upper, lower] = this.#placesOf(key);
    return this.#chores.run({ kind: "changes", upper, lower, limit, after, mountPoints: relativePaths(mountPoints) });
  }

  usage(key: WritableKey, { mountPoints }: Pick<ChangesOptions, "mountPoints"> = {}): Promise<WritableUsage> {
    const [upper, lower] = this.#placesOf(key);
    return this.#chores.run({ kind: "usage", upper, lower, mountPoints: relativePaths(mountPoints) });
  }

  commit(key: WritableKey, options: CommitLayerOptions): Promise<CommittedLayer | null> {
    const failures = this.#failures.get(key) ?? this.#readonly.failures;
    const layers = { readonly: this.#readonly, writable: this.#writable };
    return commitLayer(key, options, { ...layers, pool: this.#making, failures });
  }

  squash(chain: readonly DiffID[], from: number, options: CommitLayerOptions): Promise<CommittedLayer | null> {
    return squashChain(chain, from, { ...options, readonly: this.#readonly, pool: this.#making });
  }

  persist(chain: readonly DiffID[]): Promise<void> {
    return this.#readonly.persist(chain);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [this.#unpacking, this.#following, this.#making, this.#chores, this.upkeep];
    await Promise.all(pools.map((pool) => pool[Symbol.asyncDispose]()));
    await this.#readonly.close();
  }

  #placesOfNames(names: readonly string[]): LayerPlace[] {
    return names.map((name) => ({ name, directory: this.#readonly.pathOf(name) }));
  }

  #placesOf(key: WritableKey): [upper: string, lower: string[]] {
    return [bytePathOf(this.#writable.upperOf(key)), this.#writable.lowerOf(key).map(bytePathOf)];
  }
}
