import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, statSync } from "node:fs";
import { chmod, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { EngineError } from "../errors.ts";
import { errnoError, SyscallError } from "../host/errno.ts";
import type { IDRange } from "../host/id-ranges.ts";
import { mountOverlay, unmount } from "../host/mounts.ts";
import { decodeJson } from "../lib/json.ts";
import { KeyedQueue } from "../lib/keyed-queue.ts";
import type { LayerName } from "./layer-index.ts";
import type { MountOptions, WritableKey } from "./layer-store.ts";
import { mountMappedOverlay, sweepMapped } from "./mapped-overlay.ts";
import { Trash } from "./trash.ts";
import type { WorkerPool } from "./worker-pool.ts";

const record = z.object({
  version: z.literal(1),
  /** Lowest first. */
  layers: z.array(z.string().check(z.regex(/^[0-9a-f]{64}$/))),
  /** The host's ids for those of its files, from 0 up. */
  ids: z.optional(z.object({ start: z.number(), size: z.number() })),
});

/** isPassing: a power cut may take it away. */
export type PrepareOptions = { readonly ids: IDRange | null; readonly isPassing: boolean };

/** What a writable layer needs of those below. */
export type Below = {
  /** Directory of a read-only layer. */
  pathOf(name: LayerName): string;
  describesRoot(name: LayerName): boolean;
};

/**
 * `<root>/containers/<key>/{upper,work,rootfs,layers.json}`. `layers.json` is written last: without it the directory is a leftover. Other
 * files in `<key>/` are the container's own, and go with it.
 */
export class WritableLayers {
  readonly #directory: string;
  readonly #below: Below;
  readonly #trash: Trash;
  readonly #layers = new Map<WritableKey, readonly LayerName[]>();
  readonly #ids = new Map<WritableKey, IDRange>();
  readonly #leftovers = new Set<WritableKey>();
  readonly #queue = new KeyedQueue();
  /** Overlays out of sight that the kernel still writes back. */
  readonly #fading = new Map<WritableKey, Promise<void>>();
  /** How many hold a mount. */
  readonly #holds = new Map<WritableKey, number>();
  /** What was mounted so since the engine began, and so cannot be mounted again as it is. */
  readonly #volatile = new Set<WritableKey>();
  /** What is mounted only because somebody holds it. */
  readonly #onlyHeld = new Set<WritableKey>();

  constructor(directory: string, chores: WorkerPool, below: Below) {
    this.#directory = directory;
    this.#below = below;
    this.#trash = new Trash(directory, chores);
  }

  async open(): Promise<void> {
    // An image without layers still needs a lower directory.
    await mkdir(this.#emptyLayer(), { recursive: true });
    await sweepMapped(this.#mappedPlace());
    for (const key of await this.#trash.sweep()) {
      if (!isKey(key)) continue;
      try {
        const path = join(this.#directory, key, "layers.json");
        const { layers, ids } = record.parse(decodeJson(await readFile(path), path));
        this.#layers.set(key, layers);
        if (ids !== undefined) this.#ids.set(key, ids);
      } catch {
        this.#leftovers.add(key);
      }
    }
  }

  list(): WritableKey[] {
    return [...this.#layers.keys(), ...this.#leftovers];
  }

  find(key: WritableKey): readonly LayerName[] | null {
    return this.#layers.get(key) ?? null;
  }

  /** Null: its ids are the host's. */
  idsOf(key: WritableKey): IDRange | null {
    return this.#ids.get(key) ?? null;
  }

  allIDs(): IDRange[] {
    return [...this.#ids.values()];
  }

  /** All layers that something stands on. */
  used(): Set<LayerName> {
    return new Set([...this.#layers.values()].flat());
  }

  layersOf(key: WritableKey): readonly LayerName[] {
    const layers = this.#layers.get(key);
    if (layers === undefined) throw new EngineError("not-found", `writable layer ${key} not found`);
    return layers;
  }

  upperOf(key: WritableKey): string {
    return join(this.#directory, checked(key), "upper");
  }

  rootfsOf(key: WritableKey): string {
    return join(this.#directory, checked(key), "rootfs");
  }

  /**
   * Lower directories, topmost first. Many images hold the same layer twice (empty ones, most often), which overlayfs refuses with ELOOP: it
   * stands where it is topmost, since whatever it shows or hides further below it shows or hides there as well.
   */
  lowerOf(key: WritableKey): string[] {
    const topmostFirst = this.layersOf(key)
      .map((name) => this.#below.pathOf(name))
      .reverse();
    return [...new Set(topmostFirst)];
  }

  /** The layers are held from the first moment on, and so are the ids. Fails with `already-exists`. */
  async prepare(key: WritableKey, layers: readonly LayerName[], { ids, isPassing }: PrepareOptions): Promise<void> {
    if (this.#layers.has(checked(key))) throw new EngineError("already-exists", `writable layer ${key} already exists`);
    this.#layers.set(key, layers);
    if (ids !== null) this.#ids.set(key, ids);
    try {
      await this.#queue.run(key, () => this.#make(key, layers, isPassing));
      this.#leftovers.delete(key);
    } catch (error) {
      this.#layers.delete(key);
      this.#ids.delete(key);
      throw errnoError(`prepare writable layer ${key}`, error);
    }
  }

  async mount(key: WritableKey, { isVolatile = false }: MountOptions = {}): Promise<string> {
    return this.#queue.run(key, async () => {
      await this.#mount(key, isVolatile);
      this.#onlyHeld.delete(key);
      return this.rootfsOf(key);
    });
  }

  /** Leaves it mounted while somebody holds it. */
  async unmount(key: WritableKey): Promise<void> {
    const rootfs = this.rootfsOf(key);
    await this.#queue.run(key, async () => {
      if (this.#holds.has(key)) this.#onlyHeld.add(key);
      else await this.#takeFromSight(key, rootfs);
    });
  }

  /** Mounts it, and keeps it mounted until it is disposed of. */
  async keepMounted(key: WritableKey): Promise<AsyncDisposable> {
    await this.#queue.run(key, async () => {
      if (await this.#mount(key)) this.#onlyHeld.add(key);
      this.#holds.set(key, (this.#holds.get(key) ?? 0) + 1);
    });
    return { [Symbol.asyncDispose]: () => this.#queue.run(key, () => this.#letGo(key)) };
  }

  isKeptMounted(key: WritableKey): boolean {
    return this.#holds.has(key);
  }

  async remove(key: WritableKey): Promise<void> {
    const rootfs = this.rootfsOf(key);
    await this.#queue.run(key, async () => {
      const { faded } = await this.#takeFromSight(key, rootfs);
      await this.#drop(key, faded);
    });
  }

  /**
   * Unmounts it and lets `use` have its upper directory, which takes it away, or fails and leaves it as it is. The rest goes then. Fails with
   * `not-found`, `failed-precondition` while somebody looks at it.
   */
  async consume<T>(key: WritableKey, use: (upper: string) => Promise<T>): Promise<T> {
    const rootfs = this.rootfsOf(key);
    return await this.#queue.run(key, async () => {
      this.layersOf(key);
      if (this.#holds.has(key)) throw new EngineError("failed-precondition", `writable layer ${key} is in use`);
      const { faded } = await this.#takeFromSight(key, rootfs);
      // An overlay that is left over might still write into it.
      await faded;
      const result = await use(this.upperOf(key));
      await this.#drop(key, faded);
      return result;
    });
  }

  async #drop(key: WritableKey, faded: Promise<void>): Promise<void> {
    this.#onlyHeld.delete(key);
    await this.#trash.discard(join(this.#directory, key), faded);
    this.#layers.delete(key);
    this.#ids.delete(key);
    this.#leftovers.delete(key);
    this.#volatile.delete(key);
  }

  async #letGo(key: WritableKey): Promise<void> {
    const others = (this.#holds.get(key) ?? 1) - 1;
    if (others > 0) {
      this.#holds.set(key, others);
      return;
    }
    this.#holds.delete(key);
    if (this.#onlyHeld.delete(key)) await this.#takeFromSight(key, this.rootfsOf(key));
  }

  /** False: it was mounted already. */
  async #mount(key: WritableKey, isVolatile = false): Promise<boolean> {
    const rootfs = this.rootfsOf(key);
    // Two overlays with one upper directory would spoil it.
    await this.#fading.get(key);
    const lower = this.lowerOf(key);
    if (isMountPoint(rootfs)) return false;
    const directory = join(this.#directory, key);
    const shown = lower.length > 0 ? lower : [this.#emptyLayer()];
    const ids = this.#ids.get(key);
    // The mark of such a mount, which no power cut has come after: the kernel refuses to go on with what it may have lost.
    if (this.#volatile.has(key))
      await rm(join(directory, "work", "work", "incompat"), { recursive: true, force: true });
    if (ids === undefined) {
      if (isVolatile) this.#volatile.add(key);
      const [upper, work] = [join(directory, "upper"), join(directory, "work")];
      mountOverlay({ lower: shown, upper, work, isVolatile }, rootfs);
      await refuseReadOnly(work, rootfs);
    } else {
      const place = join(this.#mappedPlace(), key);
      await mountMappedOverlay({ lower: shown, directory }, rootfs, { ids, place });
    }
    return true;
  }

  /** Resolves when nothing is mounted there any more; `faded` when the kernel has let go of the directories, too. */
  async #takeFromSight(key: WritableKey, rootfs: string): Promise<{ readonly faded: Promise<void> }> {
    const before = this.#fading.get(key);
    const unmounted = unmount(rootfs);
    const faded = Promise.allSettled([before, unmounted]).then(() => {
      if (this.#fading.get(key) === faded) this.#fading.delete(key);
    });
    this.#fading.set(key, faded);
    await leftSight(rootfs, unmounted);
    return { faded };
  }

  async #make(key: WritableKey, layers: readonly LayerName[], isPassing: boolean): Promise<void> {
    const directory = join(this.#directory, key);
    await mkdir(directory, { recursive: true });
    // Nobody but root gets near setuid programs in there from outside (CVE-2021-41091).
    await chmod(directory, 0o710);
    try {
      // Left by a prepare that a crash cut short: nobody has used them.
      for (const name of ["upper", "work", "rootfs"]) await this.#trash.discard(join(directory, name));
      for (const name of ["work", "rootfs"]) mkdirSync(join(directory, name), { mode: 0o700 });
      this.#makeUpper(join(directory, "upper"), layers);
      const ids = this.#ids.get(key);
      // Its own root, which is nobody on the host, has to get through to where its file system is mounted.
      if (ids !== undefined) chownSync(directory, 0, ids.start);
      const content = { layers: [...layers], ...(ids === undefined ? {} : { ids }) };
      await writeRecord(join(directory, "layers.json"), content, isPassing);
    } catch (error) {
      for (const name of ["layers.json", "upper", "work", "rootfs"]) {
        await rm(join(directory, name), { recursive: true, force: true });
      }
      throw error;
    }
  }

  /** The top directory of an overlay is the upper one: it must look as the image's own. */
  #makeUpper(upper: string, layers: readonly LayerName[]): void {
    mkdirSync(upper);
    const name = layers.findLast((layer) => this.#below.describesRoot(layer));
    const like = name === undefined ? null : statSync(this.#below.pathOf(name));
    chownSync(upper, like?.uid ?? 0, like?.gid ?? 0);
    chmodSync(upper, (like?.mode ?? 0o755) & 0o7777);
  }

  #mappedPlace(): string {
    return join(this.#directory, ".mapped");
  }

  #emptyLayer(): string {
    return join(this.#directory, ".empty");
  }
}

/** One fsync: with the file's own, the directories made just before are on the disk, too. */
async function writeRecord(
  path: string,
  content: Omit<z.infer<typeof record>, "version">,
  isPassing: boolean,
): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify({ version: 1, ...content }));
    if (!isPassing) await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Resolves when nothing is mounted at `rootfs` any more. The call that unmounts an overlay lasts longer: it writes all of the disk's file
 * system back first, for which nobody has to wait but who mounts it again.
 */
async function leftSight(rootfs: string, unmounted: Promise<void>): Promise<void> {
  let hasEnded = false;
  unmounted
    .catch(() => {})
    .finally(() => {
      hasEnded = true;
    });
  while (!hasEnded && isMountPoint(rootfs)) await sleep(1);
  if (hasEnded) await unmounted;
}

/** Where the kernel cannot make its own directory on a full disk it mounts without writing, and says so in its log only (fs/overlayfs/super.c). */
async function refuseReadOnly(work: string, rootfs: string): Promise<void> {
  if (existsSync(join(work, "work"))) return;
  await unmount(rootfs);
  throw errnoError(`mount overlay at ${rootfs}`, new SyscallError("mount", "ENOSPC"));
}

/** An overlay is a device of its own. By stat, since the table of mounts is the longer the more containers run. */
function isMountPoint(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.dev !== lstatSync(dirname(path)).dev;
}

function isKey(key: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,127}$/.test(key);
}

function checked(key: WritableKey): WritableKey {
  if (isKey(key)) return key;
  throw new EngineError("invalid-argument", `${JSON.stringify(key.slice(0, 60))} cannot name a writable layer`);
}
