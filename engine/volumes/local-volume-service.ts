import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineConfig } from "../config.ts";
import type { Database } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import type { EventBus } from "../events/event-bus.ts";
import { errnoError } from "../host/errno.ts";
import { openArchives } from "../layers/archives.ts";
import type { FillSource } from "../layers/fill-tasks.ts";
import { Trash } from "../layers/trash.ts";
import { WorkerPool } from "../layers/worker-pool.ts";
import { Batched } from "../lib/batched.ts";
import { syncDirectory } from "../lib/durable-file.ts";
import { KeyedQueue } from "../lib/keyed-queue.ts";
import { Tally } from "../lib/tally.ts";
import type { Log } from "../log.ts";
import type { FsckFinding } from "../protocol/upkeep.ts";
import type { CreateVolumeRequest, VolumeSummary } from "../protocol/volumes.ts";
import { checkVolumes } from "./check-volumes.ts";
import { fillVolume, isEmptyVolume } from "./fill-volume.ts";
import { dropHalfMade, makeVolume, makeVolumesDirectory, settleVolumes } from "./open-volumes.ts";
import { makeWay, pruneVolumes, removeDoomed, removeVolume } from "./remove-volume.ts";
import { holdVolumes, mountForContainer, restoreMounts, unmountForContainer } from "./use-volumes.ts";
import { exportVolume, importVolume } from "./volume-archives.ts";
import { VolumeMounts } from "./volume-mounts.ts";
import { pathsOfVolume, type VolumeParts } from "./volume-parts.ts";
import { needsMount, type VolumeRecord, type VolumeUse } from "./volume-record.ts";
import { checkAgrees, checkVolumeWish, recordOf } from "./volume-request.ts";
import type { ArchiveOutput, VolumeClaim, VolumeMount, VolumePrune, VolumeService } from "./volume-service.ts";
import { VolumeSizes } from "./volume-sizes.ts";
import { VolumeTable } from "./volume-table.ts";
import { inspectVolume, summarizeVolume, usageDataOf, volumeDiskUsage } from "./volume-views.ts";

export type VolumeServiceOptions = {
  readonly config: EngineConfig;
  readonly database: Database;
  readonly events: EventBus;
  readonly log: Log;
};

/** Finishes or undoes what the end of an engine cut off. Nothing is unmounted before restore(). */
export async function openVolumeService({
  config,
  database,
  events,
  log,
}: VolumeServiceOptions): Promise<VolumeService> {
  const directory = join(config.root, "volumes");
  await makeVolumesDirectory(directory);
  const table = new VolumeTable(database);
  for (const row of table.unreadable) log.error("a volume's record cannot be read", row);
  const measuring = new WorkerPool(1);
  const chores = new WorkerPool(1);
  const parts: VolumeParts = {
    directory,
    table,
    mounts: new VolumeMounts(),
    sizes: new VolumeSizes(
      measuring,
      (name) => pathsOfVolume(directory, name).data,
      () => table.touch(),
    ),
    archives: openArchives(),
    trash: new Trash(directory, chores),
    events,
    log,
    queue: new KeyedQueue(),
    busy: new Tally(),
    namesSync: new Batched(() => syncDirectory(directory)),
  };
  await settleVolumes(parts);
  return new LocalVolumeService(parts, [measuring, chores]);
}

/** Milliseconds between two looks whether a volume has gone. */
const removalPause = 5;

class LocalVolumeService implements VolumeService {
  readonly #parts: VolumeParts;
  readonly #pools: readonly WorkerPool[];

  constructor(parts: VolumeParts, pools: readonly WorkerPool[]) {
    this.#parts = parts;
    this.#pools = pools;
  }

  list(): readonly VolumeSummary[] {
    const records = this.#parts.table.all().filter(({ status }) => status === "ready");
    this.#parts.sizes.refresh(records.filter((record) => !needsMount(record)).map(({ name }) => name));
    return records.map((record) => summarizeVolume(this.#parts, record));
  }

  get(name: string): VolumeSummary {
    return summarizeVolume(this.#parts, this.#get(name));
  }

  create(request: CreateVolumeRequest): Promise<VolumeSummary> {
    const isAnonymous = request.name === "";
    const wish = { ...request, name: isAnonymous ? this.createName() : request.name };
    checkVolumeWish(wish);
    return this.#parts.queue.run(wish.name, async () => {
      const { table } = this.#parts;
      await makeWay(this.#parts, wish.name);
      const there = table.find(wish.name);
      if (there === null) table.insert(recordOf(wish, isAnonymous));
      else {
        checkAgrees(there, wish);
        // It is somebody else's as well from now on: not to go with a container's creation that fails.
        table.keep(wish.name);
      }
      try {
        await makeVolume(this.#parts, wish.name);
      } catch (error) {
        if (there === null) await dropHalfMade(this.#parts, wish.name);
        throw errnoError(`create volume ${wish.name}`, error);
      }
      return this.get(wish.name);
    });
  }

  async inspect(name: string, usage: boolean): Promise<Record<string, unknown>> {
    const record = this.#get(name);
    const inspected = inspectVolume(this.#parts, record);
    return usage ? { ...inspected, UsageData: await usageDataOf(this.#parts, record) } : inspected;
  }

  async remove(name: string, force: boolean): Promise<void> {
    if (force && this.#parts.table.find(name) === null) return;
    this.#get(name);
    await removeVolume(this.#parts, name);
  }

  prune(options: VolumePrune, dryRun: boolean) {
    return pruneVolumes(this.#parts, options, dryRun);
  }

  async export(name: string, output: ArchiveOutput, signal: AbortSignal): Promise<{ bytes: number }> {
    this.#get(name);
    await using _held = await this.hold([name]);
    return await exportVolume(this.#parts, name, { output, signal });
  }

  async import(name: string, tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<{ bytes: number }> {
    this.#get(name);
    await using _held = await this.hold([name]);
    return await importVolume(this.#parts, name, { tar, signal });
  }

  diskUsage() {
    return volumeDiskUsage(this.#parts);
  }

  fsck(repair: boolean): Promise<FsckFinding[]> {
    return checkVolumes(this.#parts, repair);
  }

  onChange(listener: () => void): () => void {
    return this.#parts.table.onChange(listener);
  }

  createName(): string {
    for (;;) {
      const name = randomBytes(32).toString("hex");
      if (!this.#parts.table.isTaken(name)) return name;
    }
  }

  pathOf(name: string): string {
    return pathsOfVolume(this.#parts.directory, name).data;
  }

  check(claim: VolumeClaim): void {
    checkVolumeWish(claim);
    const there = this.#parts.table.find(claim.name);
    if (there !== null) checkAgrees(there, claim);
  }

  async settled(names: readonly string[]): Promise<void> {
    const isGoing = () => names.some((name) => this.#parts.table.find(name)?.status === "removing");
    // A prune marks many at once and takes them away in turn.
    for (; isGoing(); await sleep(removalPause)) {
      await Promise.all(names.map((name) => this.#parts.queue.run(name, async () => {})));
    }
  }

  claim(container: string, claims: readonly VolumeClaim[], insert: () => void): void {
    const { table } = this.#parts;
    for (const claim of claims) this.check(claim);
    const known = new Map(claims.map((claim) => [claim.name, table.find(claim.name)]));
    for (const [name, record] of known) {
      if (record?.status !== "removing") continue;
      throw new EngineError("failed-precondition", `volume ${name} is being removed`, {
        hint: "try again",
        exitCode: 125,
      });
    }
    const created = claims.filter(({ name }) => known.get(name) === null);
    const records = created.map((claim) => recordOf(claim, !claim.isNamed));
    const uses = claims.map(({ name, isNamed }) => ({
      container,
      volume: name,
      isNamed,
      isMade: known.get(name) === null,
      isUnfilled: true,
      isGoing: false,
    }));
    table.claim(records, uses, insert);
  }

  async make(container: string): Promise<void> {
    for (const { volume } of this.#parts.table.usesBy(container)) {
      await this.#parts.queue.run(volume, () => makeVolume(this.#parts, volume));
    }
  }

  abandon(container: string, deleteRecord: () => void): Promise<void> {
    const doomed = this.#goers(container, ({ isMade }) => isMade);
    this.#parts.table.release(container, doomed, deleteRecord);
    return removeDoomed(this.#parts, doomed);
  }

  async unfilled(container: string): Promise<readonly string[]> {
    const uses = this.#parts.table.usesBy(container).filter(({ isUnfilled }) => isUnfilled);
    const plain = uses.filter(({ volume }) => !needsMount(this.#parts.table.get(volume)));
    // Of one that is lost, the start will tell.
    const isEmpty = (name: string) => isEmptyVolume(this.pathOf(name)).catch(() => false);
    const found = plain.map(async ({ volume }) => ((await isEmpty(volume)) ? [volume] : []));
    return (await Promise.all(found)).flat();
  }

  fill(name: string, source: FillSource): Promise<void> {
    return this.#parts.queue.run(name, () => fillVolume(this.#parts, name, source));
  }

  markFilled(container: string): void {
    this.#parts.table.markFilled(container);
  }

  markGoing(container: string): void {
    this.#parts.table.markGoing(container);
  }

  release(container: string, options: { readonly anonymous: boolean }, deleteRecord: () => void): void {
    const doomed = this.#goers(container, ({ isGoing, isNamed }) => isGoing || (options.anonymous && !isNamed));
    this.#parts.table.release(container, doomed, deleteRecord);
    void removeDoomed(this.#parts, doomed);
  }

  namesOf(container: string): readonly string[] {
    return this.#parts.table.usesBy(container).map(({ volume }) => volume);
  }

  mount(container: string, mounts: readonly VolumeMount[]): Promise<void> {
    return mountForContainer(this.#parts, container, mounts);
  }

  unmount(container: string): Promise<void> {
    return unmountForContainer(this.#parts, container);
  }

  hold(names: readonly string[]): Promise<AsyncDisposable> {
    return holdVolumes(this.#parts, names);
  }

  restore(living: readonly { readonly id: string; readonly names: readonly string[] }[]): Promise<void> {
    return restoreMounts(this.#parts, living);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.archives[Symbol.asyncDispose]();
    await this.#parts.queue.idle();
    for (const pool of this.#pools) await pool[Symbol.asyncDispose]();
  }

  /** What is being removed is gone for everybody. */
  #get(name: string): VolumeRecord {
    const record = this.#parts.table.find(name);
    if (record !== null && record.status !== "removing") return record;
    throw new EngineError("not-found", `no such volume: ${name}`, { hint: "gantry volume ls lists all volumes" });
  }

  /** Volumes that nobody else has, among those that a container names in a certain way. */
  #goers(container: string, isChosen: (use: VolumeUse) => boolean): string[] {
    const { table } = this.#parts;
    return table.usesBy(container).flatMap((use) => {
      return isChosen(use) && table.usesOf(use.volume).length === 1 ? [use.volume] : [];
    });
  }
}
