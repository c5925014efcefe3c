import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { EngineError } from "../../errors.ts";
import { workerURL } from "../../lib/worker-url.ts";
import type { DiffID } from "../../oci/digest.ts";
import type { ComparedFile, FileEntry } from "../../protocol/files.ts";
import { openArchives } from "../archives.ts";
import type { LayerPlace, LayerStore, WritableKey } from "../layer-store.ts";
import { WorkerPool } from "../worker-pool.ts";
import type { FilesTask, FilesTaskResults, ListQuery, Stack, StackView, WasteResult } from "./files-tasks.ts";
import { listingPath, treePath } from "./index-store.ts";

/** Entries, or wasted files, in one page. */
const pageLimit = 1_000;
/** Milliseconds after a change of images until their layers are listed: whoever made it does something next. */
const restBefore = 3_000;

/** Layers of an image, those of a container with its own, or a directory that is none. */
export type BrowsedLayers =
  | { readonly chain: readonly DiffID[] }
  /** Empty files and directories at `mountPoints` (absolute) are not the container's, and count as not there. */
  | { readonly writable: WritableKey; readonly mountPoints: readonly string[] }
  /** `key`: another one for each directory. */
  | { readonly key: string; readonly directory: string };

export type BrowsedView = {
  readonly layers: BrowsedLayers;
  /** Counted from the lowest, 0; a container's own is the one above its image's. Null: the sum of all. */
  readonly layer: number | null;
  readonly view: "layer" | "upTo";
};

/**
 * Looks at the files of layers without mounting them: trees by pages, what is wasted, bytes of files, two stacks side by side. All in workers, from
 * indexes on the disk (see README.md). Paths are wire texts, see lib/byte-path.ts. All fail with `not-found` and `invalid-argument` (a layer that
 * does not exist), `cancelled`, `resource-exhausted`.
 */
export interface FileBrowser extends AsyncDisposable {
  /** A page may be shorter than `limit` where paths are very long: go on behind what came. */
  list(view: BrowsedView, query: ListQuery, signal: AbortSignal): Promise<{ entries: FileEntry[]; total: number }>;
  waste(view: BrowsedView, limit: number, signal: AbortSignal): Promise<WasteResult>;
  read(view: BrowsedView, page: FilePage, signal: AbortSignal): Promise<{ bytes: Uint8Array; size: number }>;
  /**
   * A tar of a file, or of a directory with all below it, as the view shows it; entries begin with the path's last name. Its layers stay while it
   * is read. No whiteouts: what a layer removed is not in it.
   */
  archive(view: BrowsedView, path: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  compare(query: CompareQuery, signal: AbortSignal): Promise<{ files: ComparedFile[]; total: number }>;
  /** Lists, in a while and in the background, the layers of these images that nobody has looked at yet. */
  prepare(chains: () => readonly (readonly DiffID[])[]): void;
}

export type FilePage = { readonly path: string; readonly offset: number; readonly length: number };
export type CompareQuery = {
  readonly left: BrowsedView;
  readonly right: BrowsedView;
  readonly contains: string;
  readonly offset: number;
  readonly limit: number;
};

/** Opens the browser, and removes what a crash left in its cache. */
export async function openFileBrowser(options: {
  readonly root: string;
  readonly layers: LayerStore;
}): Promise<FileBrowser> {
  const cache = join(options.root, "cache", "files");
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const leftovers = (await readdir(cache)).filter((name) => name.startsWith(".new-"));
  await Promise.all(leftovers.map((name) => rm(join(cache, name), { force: true })));
  return new IndexedFileBrowser(cache, options.layers);
}

class IndexedFileBrowser implements FileBrowser {
  readonly #cache: string;
  readonly #layers: LayerStore;
  readonly #archives = openArchives();
  readonly #pages = pool();
  /** Apart, so that nobody waits for a page behind a comparison, or behind layers that nobody asked for. */
  readonly #chores = pool();
  readonly #closed = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #prepared: Promise<void> = Promise.resolve();

  constructor(cache: string, layers: LayerStore) {
    this.#cache = cache;
    this.#layers = layers;
  }

  async list(view: BrowsedView, query: ListQuery, signal: AbortSignal) {
    const page = { ...query, offset: bounded(query.offset), limit: bounded(query.limit, pageLimit) };
    return await this.#pages.run({ kind: "list", view: this.#viewOf(view), query: page }, { signal });
  }

  async waste(view: BrowsedView, limit: number, signal: AbortSignal) {
    return await this.#pages.run(
      { kind: "waste", view: this.#viewOf(view), limit: bounded(limit, pageLimit) },
      { signal },
    );
  }

  async read(view: BrowsedView, page: FilePage, signal: AbortSignal) {
    const { path } = page;
    const place = { offset: bounded(page.offset), length: bounded(page.length, 65_536) };
    return await this.#pages.run({ kind: "read", view: this.#viewOf(view), path, ...place }, { signal });
  }

  async *archive(view: BrowsedView, path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    using _held = "chain" in view.layers ? await this.#layers.hold(view.layers.chain) : null;
    const place = await this.#pages.run({ kind: "locate", view: this.#viewOf(view), path }, { signal });
    const name = place.path.slice(place.path.lastIndexOf("/") + 1);
    yield* this.#archives.pack({ directories: place.directories, inside: place.path, path: name }, signal);
  }

  async compare({ left, right, contains, offset, limit }: CompareQuery, signal: AbortSignal) {
    const page = { contains, offset: bounded(offset), limit: bounded(limit, pageLimit) };
    const sides = { left: this.#viewOf(left), right: this.#viewOf(right) };
    return await this.#chores.run({ kind: "compare", ...sides, ...page }, { signal });
  }

  prepare(chains: () => readonly (readonly DiffID[])[]): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      // An image that has lost its config, say, is no reason to fail.
      this.#prepared = this.#prepared.then(() => this.#prepareAll(chains())).catch(() => {});
    }, restBefore).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#closed.abort();
    await Promise.all([this.#pages, this.#chores, this.#archives].map((part) => part[Symbol.asyncDispose]()));
  }

  /** What fails is listed when somebody looks, who is told why. Trees of images that are gone go. */
  async #prepareAll(chains: readonly (readonly DiffID[])[]): Promise<void> {
    const kept = new Set<string>();
    const seen = new Set<string>();
    for (const chain of chains) {
      // Others have their turn between images.
      await setImmediate();
      if (this.#closed.signal.aborted) return;
      const layers = findPlaces(this.#layers, chain);
      kept.add(basename(treePath({ layers, writable: null, cache: this.#cache })));
      for (const layer of layers) {
        if (!seen.has(layer.name)) await this.#prepareLayer(layer).catch(() => {});
        seen.add(layer.name);
      }
    }
    const names = await readdir(this.#cache);
    const gone = names.filter((name) => name.startsWith("tree-") && !kept.has(name));
    await Promise.all(gone.map((name) => rm(join(this.#cache, name), { force: true })));
  }

  async #prepareLayer(layer: LayerPlace): Promise<void> {
    const isListed = await stat(listingPath(layer)).then(
      () => true,
      () => false,
    );
    if (isListed) return;
    const stack = { layers: [layer], writable: null, cache: this.#cache };
    await this.#chores.run({ kind: "index", stack }, { signal: this.#closed.signal });
  }

  #viewOf({ layers, layer, view }: BrowsedView): StackView {
    return { stack: this.#stackOf(layers), layer, isOwn: view === "layer" };
  }

  #stackOf(layers: BrowsedLayers): Stack {
    if ("chain" in layers) return { layers: this.#layers.placesOf(layers.chain), writable: null, cache: this.#cache };
    if ("directory" in layers) return { layers: [], writable: { ...layers, mountPoints: [] }, cache: this.#cache };
    const { writable: key, mountPoints } = layers;
    const { upper, below } = this.#layers.writablePlaceOf(key);
    return { layers: below, writable: { key, directory: upper, mountPoints }, cache: this.#cache };
  }
}

/** None where a layer is missing. */
function findPlaces(layers: LayerStore, chain: readonly DiffID[]): LayerPlace[] {
  try {
    return layers.placesOf(chain);
  } catch {
    return [];
  }
}

function pool(): WorkerPool<FilesTask, FilesTaskResults> {
  return new WorkerPool(1, workerURL(import.meta.url, "files-worker"));
}

/** Fails with `invalid-argument`. */
function bounded(value: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= 0) return Math.min(value, most);
  throw new EngineError("invalid-argument", `${value} is no count of bytes or entries`);
}
