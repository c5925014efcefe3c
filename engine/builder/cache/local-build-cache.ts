import type { Database } from "../../database/database.ts";
import type { LayerStore } from "../../layers/layer-store.ts";
import { chainIDsOf } from "../../oci/chain-id.ts";
import { type DiffID, type Digest, hexOf } from "../../oci/digest.ts";
import type { CachePrune, CacheRecord } from "../../protocol/builds.ts";
import { listCacheMounts, removeCacheMount } from "../run/cache-mounts.ts";
import type { BuildCache, CachedStep } from "./build-cache.ts";
import { CacheRecords, type CacheRow } from "./cache-records.ts";
import { type Candidate, type EvictionFacts, planEviction } from "./eviction-plan.ts";

export type BuildCacheOptions = {
  /** The engine's root directory, where cache mounts are. */
  readonly root: string;
  readonly database: Database;
  readonly layers: LayerStore;
  /** Bytes, beside what images have as well; null: no limit. See keep-storage.ts. */
  readonly limit: number | null;
};

/** To be opened before the images service, whose first sweep has to know of it. */
export async function openBuildCache(options: BuildCacheOptions): Promise<BuildCache> {
  return new LocalBuildCache(options);
}

/** Entries without a layer of their own: enough of them fill memory, too. */
const mostEntries = 20_000;
/** docker's ids of such records are 25 letters and digits. */
const idLength = 25;
/** Milliseconds for which the sizes of cache mounts are taken to be the same. */
const measureInterval = 5 * 60 * 1000;

type Entry = CacheRow & { readonly chainIDs: readonly Digest[]; lastUsedAt: string; usageCount: number; users: number };

/** What may go: an entry, or a cache mount. */
type Item = Candidate & { readonly entry: Entry | null; readonly inUse: boolean; readonly type: string };

class LocalBuildCache implements BuildCache {
  readonly #options: BuildCacheOptions;
  readonly #records: CacheRecords;
  readonly #entries = new Map<Digest, Entry>();
  /** Used since it was written down. */
  readonly #touched = new Set<Entry>();
  /** Bytes of layers that are known to be there. */
  readonly #sizes = new Map<DiffID, number>();
  #lastUse = 0;
  #chains: readonly (readonly DiffID[])[] | null = null;
  #mounts: { readonly records: readonly CacheRecord[]; readonly at: number } | null = null;

  constructor(options: BuildCacheOptions) {
    this.#options = options;
    this.#records = new CacheRecords(options.database);
    for (const row of this.#records.list()) {
      this.#entries.set(row.key, entryOf(row));
      // Of the future only as far as clocks differ.
      this.#lastUse = Math.max(this.#lastUse, Math.min(Date.parse(row.lastUsedAt), Date.now()));
    }
  }

  async find(key: Digest): Promise<(CachedStep & Disposable) | null> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    const { chain, size, createdAt } = entry;
    // Before the look, so that no sweep takes away what was seen.
    const hold = await this.#options.layers.hold(chain);
    const isNewest = this.#entries.get(key) === entry;
    if (!isNewest || this.#options.layers.findAll(chain).includes(null)) {
      hold[Symbol.dispose]();
      if (!isNewest) return await this.find(key);
      this.#remove([entry]);
      return null;
    }
    entry.lastUsedAt = this.#now();
    entry.usageCount++;
    entry.users++;
    this.#touched.add(entry);
    const held = new DisposableStack();
    held.use(hold);
    held.defer(() => entry.users--);
    return { chain, size, createdAt, [Symbol.dispose]: () => held.dispose() };
  }

  async put(key: Digest, { chain, size, createdAt }: CachedStep, description: string): Promise<void> {
    const now = this.#now();
    const row = { key, chain, size, description, createdAt, addedAt: now, lastUsedAt: now, usageCount: 0 };
    this.#records.put(row);
    this.#entries.set(key, entryOf(row));
    this.#chains = null;
  }

  forget(key: Digest): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove([entry]);
  }

  chains(): readonly (readonly DiffID[])[] {
    this.#chains ??= topmost([...this.#entries.values()]);
    return this.#chains;
  }

  async usage(): Promise<CacheRecord[]> {
    this.#dropLost();
    const { isShared } = this.#facts([]);
    const keys = new Map([...this.#entries.values()].map((entry) => [entry.chainIDs.at(-1), entry.key]));
    const rows = [...this.#entries.values()].map((entry): CacheRecord => {
      const { key, chain, chainIDs, size, description, users, addedAt, lastUsedAt, usageCount } = entry;
      const parent = size === 0 ? undefined : keys.get(chainIDs.at(-2));
      const top = chain.at(-1);
      return {
        id: idOf(key),
        parents: parent === undefined ? [] : [idOf(parent)],
        type: "regular",
        description,
        inUse: users > 0,
        shared: top !== undefined && isShared(top),
        size,
        createdAt: addedAt,
        lastUsedAt: usageCount === 0 ? null : lastUsedAt,
        usageCount,
      };
    });
    return [...rows, ...(await this.#measureMounts())];
  }

  async prune(options: CachePrune): Promise<{ removed: string[]; bytes: number }> {
    this.#dropLost();
    const until = options.until === null ? null : Date.parse(options.until);
    const mounts = await this.#measureMounts();
    const facts = this.#facts(mounts);
    const mayGo = (item: Item): boolean => {
      const top = item.chain.at(-1);
      if (item.inUse || (until !== null && item.lastUsedAt >= until)) return false;
      if (!options.all && top !== undefined && facts.isShared(top)) return false;
      const isNamed = options.ids.length === 0 || options.ids.some((id) => item.id.startsWith(id));
      return isNamed && (options.types.length === 0 || options.types.includes(item.type));
    };
    return await this.#evict(facts, options.keepStorage ?? Number.NEGATIVE_INFINITY, mayGo);
  }

  async collect(): Promise<void> {
    this.#records.touch([...this.#touched].filter((entry) => this.#entries.get(entry.key) === entry));
    this.#touched.clear();
    const extra = this.#entries.size - mostEntries;
    if (extra > 0) this.#remove([...this.#entries.values()].sort(byUse).slice(0, extra));
    const { limit } = this.#options;
    if (limit === null) return;
    this.#dropLost();
    const isFresh = this.#mounts !== null && Date.now() - this.#mounts.at < measureInterval;
    const mounts = isFresh ? (this.#mounts?.records ?? []) : await this.#measureMounts();
    await this.#evict(this.#facts(mounts), limit, ({ inUse }) => !inUse);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#records.touch([...this.#touched].filter((entry) => this.#entries.get(entry.key) === entry));
    this.#touched.clear();
  }

  async #evict(facts: EvictionFacts<Item>, limit: number, mayGo: (item: Item) => boolean) {
    const { gone, bytes } = planEviction(facts, { limit, mayGo });
    // No await before: what was used meanwhile would go.
    this.#remove(gone.flatMap(({ entry }) => entry ?? []));
    const removed: string[] = [];
    let spared = 0;
    for (const item of gone) {
      const isGone = item.entry !== null || (await removeCacheMount(this.#options.root, item.id)) !== null;
      if (isGone) removed.push(item.id);
      else spared += item.ownSize;
    }
    if (gone.some(({ entry }) => entry === null)) this.#mounts = null;
    return { removed, bytes: bytes - spared };
  }

  /** Later than all before, whatever the clock says: what is used last goes last. */
  #now(): string {
    this.#lastUse = Math.max(Date.now(), this.#lastUse + 1);
    return new Date(this.#lastUse).toISOString();
  }

  #facts(mounts: readonly CacheRecord[]): EvictionFacts<Item> {
    const images = this.#records.layersOfImages();
    const entries = [...this.#entries.values()].map((entry): Item => {
      const { key, chain, chainIDs, users } = entry;
      const lastUsedAt = Date.parse(entry.lastUsedAt);
      return { id: idOf(key), chain, chainIDs, lastUsedAt, ownSize: 0, entry, inUse: users > 0, type: "regular" };
    });
    const others = mounts.map(({ id, size, lastUsedAt, createdAt, inUse, type }): Item => {
      const used = Date.parse(lastUsedAt ?? createdAt);
      return { id, chain: [], chainIDs: [], lastUsedAt: used, ownSize: size, entry: null, inUse, type };
    });
    return {
      candidates: [...entries, ...others],
      sizeOf: (layer) => this.#sizes.get(layer) ?? 0,
      isShared: (layer) => images.has(layer),
    };
  }

  async #measureMounts(): Promise<readonly CacheRecord[]> {
    const records = await listCacheMounts(this.#options.root);
    this.#mounts = { records, at: Date.now() };
    return records;
  }

  /** Forgets entries whose layers are gone, and learns the sizes of the others. */
  #dropLost(): void {
    const lost = [...this.#entries.values()].filter(({ chain }) => {
      if (chain.every((layer) => this.#sizes.has(layer))) return false;
      const layers = this.#options.layers.findAll(chain);
      for (const layer of layers) if (layer !== null) this.#sizes.set(layer.diffID, layer.size);
      return layers.includes(null);
    });
    this.#remove(lost);
  }

  #remove(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    for (const { key } of entries) this.#entries.delete(key);
    this.#records.remove(entries.map(({ key }) => key));
    this.#chains = null;
    const left = new Set([...this.#entries.values()].flatMap(({ chain }) => chain));
    for (const layer of this.#sizes.keys()) if (!left.has(layer)) this.#sizes.delete(layer);
  }
}

function entryOf(row: CacheRow): Entry {
  return { ...row, chainIDs: chainIDsOf(row.chain), users: 0 };
}

function idOf(key: Digest): string {
  return hexOf(key).slice(0, idLength);
}

function byUse(one: Entry, other: Entry): number {
  return one.lastUsedAt < other.lastUsedAt ? -1 : one.lastUsedAt > other.lastUsedAt ? 1 : 0;
}

/** The chains that are no part of another. */
function topmost(entries: readonly Entry[]): (readonly DiffID[])[] {
  const below = new Set(entries.flatMap(({ chainIDs }) => chainIDs.slice(0, -1)));
  const chains = new Map<Digest, readonly DiffID[]>();
  for (const { chain, chainIDs } of entries) {
    const top = chainIDs.at(-1);
    if (top !== undefined && !below.has(top)) chains.set(top, chain);
  }
  return [...chains.values()];
}
