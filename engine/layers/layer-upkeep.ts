import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { isMounted } from "../host/mounts.ts";
import { bytePathOf } from "../lib/byte-path.ts";
import { workerURL } from "../lib/worker-url.ts";
import type { DiffID, Digest } from "../oci/digest.ts";
import { listingPath } from "./files/index-store.ts";
import type { LayerName } from "./layer-index.ts";
import { formatRecord, type LayerRecord, parseRecord } from "./layer-record.ts";
import type {
  LayerSource,
  LayerUpkeep,
  ListedLayer,
  UnpackOptions,
  VerifiedLayer,
  WritableKey,
} from "./layer-store.ts";
import type { ReadonlyLayers } from "./readonly-layers.ts";
import type { VerifyResults, VerifyTask } from "./verify-tasks.ts";
import { WorkerPool } from "./worker-pool.ts";
import type { WritableLayers } from "./writable-layers.ts";

/** See LayerUpkeep in layer-store.ts. */
export class OverlayLayerUpkeep implements LayerUpkeep, AsyncDisposable {
  readonly #directory: string;
  readonly #readonly: ReadonlyLayers;
  readonly #writable: WritableLayers;
  readonly #pool = new WorkerPool<VerifyTask, VerifyResults>(2, workerURL(import.meta.url, "verify-worker"));

  constructor(directory: string, layers: { readonly readonly: ReadonlyLayers; readonly writable: WritableLayers }) {
    this.#directory = directory;
    this.#readonly = layers.readonly;
    this.#writable = layers.writable;
  }

  list(): ListedLayer[] {
    return [...this.#readonly.index].map(([name, { diffID, size }]) => ({ name, diffID, size }));
  }

  namesOf(chain: readonly DiffID[]): (LayerName | null)[] {
    return this.#readonly.index.findNames(chain);
  }

  has(name: LayerName): boolean {
    return this.#readonly.has(name);
  }

  hold(name: LayerName): Promise<Disposable> {
    return this.#readonly.holds.hold([name]);
  }

  isNeeded(name: LayerName): boolean {
    return this.#readonly.holds.isHeld(name) || this.#writable.used().has(name);
  }

  mountedOn(name: LayerName): WritableKey[] {
    return this.#writable
      .list()
      .filter((key) => this.#writable.find(key)?.includes(name) && isMounted(this.#writable.rootfsOf(key)));
  }

  isKeptMounted(key: WritableKey): boolean {
    return this.#writable.isKeptMounted(key);
  }

  async hash(path: string, options: UnpackOptions): Promise<Digest> {
    return (await this.#pool.run({ kind: "hash", path }, options)).digest;
  }

  async verify(name: LayerName, source: LayerSource | null, options: UnpackOptions): Promise<VerifiedLayer> {
    const record = this.#readonly.index.get(name);
    if (record === undefined) throw new EngineError("not-found", `layer ${name} is not unpacked`);
    const problems = this.#checkRecord(name, record);
    if (source === null) {
      const task = {
        ...this.#places(name, record),
        listing: listingPath({ name, directory: this.#readonly.pathOf(name) }),
      };
      const found = await this.#pool.run(
        { kind: "listing", workshop: this.#directory, size: record.size, ...task },
        options,
      );
      const isTold = found.problems.length > 0 || (await this.#isAsMade(task.directory, record, options));
      const changed = isTold ? [] : ["its files are not what they were when it was made"];
      return { digests: null, problems: [...problems, ...found.problems, ...changed] };
    }
    const task = { kind: "tar", source: { path: source.path, growth: null }, ...this.#places(name, record) } as const;
    const compared = await this.#pool.run(task, options);
    const isSuspect = compared.diffID === record.diffID && compared.problems.length > 0;
    const confirmed = isSuspect
      ? await this.#confirm(name, record, { source, options, suspected: compared.problems })
      : [];
    return { digests: compared, problems: [...problems, ...confirmed] };
  }

  async renew(name: LayerName, chain: readonly DiffID[], source: LayerSource, options: UnpackOptions): Promise<void> {
    this.#requireFree(name);
    await using staged = await this.#readonly.stage(source, options);
    await staged.keep(chain, { onReplace: () => this.#requireFree(name) });
  }

  async discard(name: LayerName): Promise<void> {
    this.#requireFree(name);
    await this.#readonly.discard(name);
  }

  async strangers(): Promise<string[]> {
    const names = await readdir(this.#directory);
    const suspects = names.filter((name) => !name.startsWith(".") && !this.#readonly.has(name));
    const found = suspects.map(async (name) =>
      (await this.#readonly.withStranger(name, async () => {})) ? [name] : [],
    );
    return (await Promise.all(found)).flat();
  }

  discardStranger(name: string): Promise<void> {
    return this.#readonly.discardStranger(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  #places(name: LayerName, { implicit }: LayerRecord) {
    return { directory: bytePathOf(this.#readonly.pathOf(name)), implicit };
  }

  #checkRecord(name: LayerName, record: LayerRecord): string[] {
    const path = join(this.#directory, name, "layer.json");
    try {
      return formatRecord(parseRecord(readFileSync(path), path)) === formatRecord(record)
        ? []
        : ["its record was changed"];
    } catch {
      return ["its record cannot be read"];
    }
  }

  /** True also for a layer that was not made here, of which packing it tells nothing. */
  async #isAsMade(directory: string, { diffID, isOwn }: LayerRecord, options: UnpackOptions): Promise<boolean> {
    return isOwn !== true || (await this.#pool.run({ kind: "own", directory }, options)).diffID === diffID;
  }

  /** A tar may name a thing twice, or go through links: only what unpacking it makes tells for sure. */
  async #confirm(
    name: LayerName,
    record: LayerRecord,
    doubt: { readonly source: LayerSource; readonly options: UnpackOptions; readonly suspected: readonly string[] },
  ): Promise<readonly string[]> {
    try {
      await using staged = await this.#readonly.stage(doubt.source, doubt.options);
      const expected = bytePathOf(join(staged.path, "fs"));
      const { problems } = await this.#pool.run(
        { kind: "trees", expected, ...this.#places(name, record) },
        doubt.options,
      );
      return problems;
    } catch (error) {
      if (error instanceof EngineError && error.code === "resource-exhausted") return doubt.suspected;
      throw error;
    }
  }

  #requireFree(name: LayerName): void {
    const [first] = this.mountedOn(name);
    if (first === undefined) return;
    throw new EngineError("failed-precondition", `layer ${name} is in use by container ${first.slice(0, 12)}`);
  }
}
