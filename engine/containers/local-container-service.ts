import type { EngineConfig } from "../config.ts";
import type { Database } from "../database/database.ts";
import { EngineError } from "../errors.ts";
import type { EventBus } from "../events/event-bus.ts";
import { readBootID } from "../host/processes.ts";
import type { ImageService } from "../images/image-service.ts";
import { openArchives } from "../layers/archives.ts";
import type { ChangesPage, LayerStore } from "../layers/layer-store.ts";
import { KeyedQueue } from "../lib/keyed-queue.ts";
import { Tally } from "../lib/tally.ts";
import type { Log } from "../log.ts";
import type { StatsSampler } from "../metrics/stats-sampler.ts";
import type { EndpointRequest, NetworkService } from "../networks/network-service.ts";
import type { ContainerSummary, ExecRequest } from "../protocol/containers.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import type { LayersResult } from "../protocol/images.ts";
import type { PortBinding } from "../protocol/ports.ts";
import type { DiskUsage } from "../protocol/upkeep.ts";
import { resizeTerminal } from "../runtime/attach/terminal-size.ts";
import type { ContainerRuntime, ExecSession } from "../runtime/container-runtime.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import { checkContainers } from "./check-containers.ts";
import { Checkpoints } from "./checkpoints.ts";
import { ContainerArchives } from "./container-archives.ts";
import { ContainerDiskUsage } from "./container-disk-usage.ts";
import { publishEvent } from "./container-events.ts";
import { ContainerExecs } from "./container-execs.ts";
import { ContainerLogs } from "./container-logs.ts";
import { parseName } from "./container-names.ts";
import { connectNetwork, disconnectNetwork, isNamedByAny } from "./container-networks.ts";
import { pathsOf } from "./container-paths.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { AttachRequest, ContainerService, CreateOptions, LogSource, WaitCondition } from "./container-service.ts";
import { isActive, isAlive } from "./container-status.ts";
import { Summaries } from "./container-summary.ts";
import { ContainerTable } from "./container-table.ts";
import { createContainer } from "./create-container.ts";
import { dealWithExit } from "./end-container.ts";
import { type Leaving, listLeaving } from "./end-with-host.ts";
import { ExecSessions } from "./exec-sessions.ts";
import { HealthMonitors } from "./health/health-monitors.ts";
import { inspectContainer } from "./inspect-container.ts";
import { inspectLinks, removeLink } from "./links.ts";
import { watchOutOfMemory } from "./oom-watch.ts";
import { mountPoints } from "./own-changes.ts";
import type { ContainerParts } from "./parts.ts";
import { pauseContainer, unpauseContainer } from "./pause-container.ts";
import { PendingSessions } from "./pending-sessions.ts";
import { type Pruned, type PruneFilter, pruneContainers } from "./prune-containers.ts";
import { reconcileContainers } from "./reconcile.ts";
import { removeOnRequest } from "./remove-container.ts";
import { finishRestarts, restartContainer } from "./restart-container.ts";
import { RestartTimers } from "./restart-timers.ts";
import { startByHand } from "./start-by-hand.ts";
import { killContainer, type Stopped, stopContainer } from "./stop-container.ts";
import { Stopping } from "./stopping.ts";
import { listProcesses } from "./top.ts";
import { type Update, updateContainer } from "./update-container.ts";
import { Waiters } from "./waiters.ts";

export type ContainerServiceOptions = {
  readonly config: EngineConfig;
  readonly database: Database;
  readonly images: ImageService;
  readonly layers: LayerStore;
  readonly runtime: ContainerRuntime;
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  readonly sampler: StatsSampler;
  readonly events: EventBus;
  readonly log: Log;
};

/** Reads the records. Nothing is watched or changed before reconcile(). */
export function openContainerService(options: ContainerServiceOptions): ContainerService {
  const { database, ...others } = options;
  const table = new ContainerTable(database);
  for (const row of table.unreadable) others.log.error("a container's record cannot be read", row);
  const execs = new ExecSessions(others);
  return new LocalContainerService({
    ...others,
    table,
    execs,
    health: new HealthMonitors({ ...others, table, execs }),
    waiters: new Waiters(),
    logs: new ContainerLogs(others),
    sessions: new PendingSessions(),
    restarts: new RestartTimers(),
    stopping: new Stopping((id) => table.touch(id)),
    comingBack: new Tally(),
    queue: new KeyedQueue(),
    bootID: readBootID(),
  });
}

/** Changes in one answer: more would hold up everybody else while it is written. */
const largestPage = 5000;

class LocalContainerService implements ContainerService {
  readonly #parts: ContainerParts;
  readonly #summaries: Summaries;
  readonly #usage: ContainerDiskUsage;
  readonly #archives = openArchives();
  #unwatch = () => {};
  readonly archives: ContainerArchives;
  readonly checkpoints: Checkpoints;
  readonly execs: ContainerExecs;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
    this.archives = new ContainerArchives(parts, this.#archives);
    this.#summaries = new Summaries(parts, parts.table);
    this.checkpoints = new Checkpoints(parts);
    this.execs = new ContainerExecs(parts);
    this.#usage = new ContainerDiskUsage(parts);
  }

  fsck(repair: boolean) {
    return checkContainers(this.#parts, repair);
  }

  async reconcile(): Promise<void> {
    const parts = this.#parts;
    await reconcileContainers(parts);
    this.#unwatch = watchOutOfMemory(parts);
    parts.logs.tidy(() => parts.table.all());
    parts.runtime.onExit((exit) => dealWithExit(parts, exit));
    finishRestarts(parts);
  }

  list(all: boolean): readonly ContainerSummary[] {
    const records = this.#parts.table.all();
    const shown = all ? records : records.filter(({ state }) => isActive(state.status));
    return shown.map((record) => this.#summaries.of(record));
  }

  get(container: string): ContainerSummary {
    return this.#summaries.of(this.#parts.table.get(container));
  }

  create(request: CreateRequest, options: CreateOptions = {}): Promise<{ id: string; warnings: string[] }> {
    return createContainer(this.#parts, request, options);
  }

  start(container: string): Promise<{ started: boolean }> {
    const { id } = this.#parts.table.get(container);
    return this.#parts.queue.run(id, async () => {
      const record = this.#parts.table.get(id);
      if (record.state.status === "paused") {
        throw new EngineError("failed-precondition", `container ${record.name} is paused: it cannot be started`, {
          hint: `wake it with: gantry unpause ${record.name}`,
        });
      }
      if (isAlive(record.state.status)) return { started: false };
      await startByHand(this.#parts, record);
      return { started: true };
    });
  }

  stop(container: string, timeout: number | null, signal?: string): Promise<Stopped> {
    return stopContainer(this.#parts, this.#parts.table.get(container), { timeout, signal });
  }

  restart(container: string, timeout: number | null, signal?: string): Promise<void> {
    return restartContainer(this.#parts, this.#parts.table.get(container).id, { timeout, signal });
  }

  kill(container: string, signal: string): Promise<void> {
    return killContainer(this.#parts, this.#parts.table.get(container).id, signal);
  }

  pause(container: string): Promise<void> {
    return pauseContainer(this.#parts, this.#parts.table.get(container).id);
  }

  unpause(container: string): Promise<void> {
    return unpauseContainer(this.#parts, this.#parts.table.get(container).id);
  }

  remove(container: string, options: { readonly force: boolean; readonly volumes: boolean }): Promise<void> {
    return removeOnRequest(this.#parts, this.#parts.table.get(container).id, options);
  }

  async rename(container: string, name: string): Promise<void> {
    const { id, name: oldName } = this.#parts.table.get(container);
    const wanted = parseName(name);
    await this.#parts.queue.run(id, async () => {
      if (this.#parts.table.get(id).name === wanted) {
        throw new EngineError("invalid-argument", `container ${wanted} already has this name`);
      }
      const renamed = this.#parts.table.rename(id, wanted);
      this.#parts.networks.rename(id, wanted);
      publishEvent(this.#parts, renamed, "rename", { oldName: `/${oldName}` });
    });
  }

  removeLink(container: string, alias: string): Promise<void> {
    return removeLink(this.#parts, this.#parts.table.get(container).id, alias);
  }

  update(container: string, update: Update): Promise<{ warnings: string[] }> {
    return updateContainer(this.#parts, this.#parts.table.get(container).id, update);
  }

  async wait(container: string, condition: WaitCondition, signal: AbortSignal): Promise<{ exitCode: number }> {
    const { id, state } = this.#parts.table.get(container);
    if (condition === "stopped" && !isActive(state.status)) return { exitCode: state.exitCode ?? 0 };
    return { exitCode: await this.#parts.waiters.wait(id, condition, signal) };
  }

  async inspect(container: string): Promise<Record<string, unknown>> {
    const record = this.#parts.table.get(container);
    return inspectContainer(record, {
      config: this.#parts.config,
      networks: this.#parts.networks,
      sandbox: isAlive(record.state.status) ? this.#parts.networks.find(record.id) : null,
      health: this.#parts.health.find(record),
      execIDs: this.#parts.execs.list(record.id),
      rootfs: this.#parts.layers.rootfsOf(record.id),
      volumes: this.#parts.volumes,
      runtime: this.#parts.runtime.program,
      logConfig: this.#parts.logs.inspect(record.request),
      logPath: this.#parts.logs.pathFor(record),
      links: inspectLinks(this.#parts, record),
    });
  }

  async top(container: string, args: readonly string[]): Promise<{ titles: string[]; processes: string[][] }> {
    const record = this.#running(container);
    publishEvent(this.#parts, record, "top");
    return listProcesses(await this.#parts.runtime.processes(record.id), args);
  }

  changes(container: string, limit: number, after?: string): Promise<ChangesPage> {
    const { id } = this.#parts.table.get(container);
    const most = Math.min(Math.max(1, Math.floor(limit)), largestPage);
    return this.#parts.layers.changes(id, most, { after: after ?? null, mountPoints });
  }

  ports(container: string): readonly PortBinding[] {
    return this.get(container).ports;
  }

  async layersOf(container: string): Promise<LayersResult> {
    const { id, imageID, request } = this.#parts.table.get(container);
    const [result, usage] = await Promise.all([
      this.#parts.images.layersOf(imageID),
      this.#parts.layers.usage(id, { mountPoints }),
    ]);
    return { ...result, image: request.image, writable: usage };
  }

  diskUsage(): Promise<DiskUsage["containers"]> {
    return this.#usage.measure();
  }

  async attach(container: string, request: AttachRequest): Promise<{ terminal: boolean; stdinOnce: boolean }> {
    const { id } = this.#parts.table.get(container);
    return this.#parts.queue.run(id, async () => {
      const record = this.#parts.table.get(id);
      if (!isAlive(record.state.status)) this.#parts.sessions.add(id, request);
      else request.onSession(await this.#parts.runtime.attach(pathsOf(this.#parts.config, id).directory));
      publishEvent(this.#parts, record, "attach");
      return { terminal: record.request.terminal, stdinOnce: record.request.stdinOnce };
    });
  }

  async resize(container: string, rows: number, columns: number): Promise<void> {
    const record = this.#running(container);
    await resizeTerminal(pathsOf(this.#parts.config, record.id).directory, rows, columns);
    publishEvent(this.#parts, record, "resize", { height: String(rows), width: String(columns) });
  }

  exec(request: ExecRequest, execID: string): Promise<ExecSession> {
    return this.#parts.execs.open(this.#running(request.container), request, { execID });
  }

  note(container: string, action: string, attributes: Readonly<Record<string, string>>): void {
    const record = this.#parts.table.find(container);
    if (record !== null) publishEvent(this.#parts, record, action, attributes);
  }

  prune(filter: PruneFilter): Promise<Pruned> {
    return pruneContainers(this.#parts, this.#usage, filter);
  }

  get logDriver(): string {
    return this.#parts.logs.driver;
  }

  logSource(container: string): LogSource {
    const record = this.#parts.table.get(container);
    return this.#parts.logs.source(record, () => {
      const now = this.#parts.table.find(record.id);
      return now === null || !isActive(now.state.status);
    });
  }

  connect(container: string, endpoint: EndpointRequest): Promise<void> {
    return this.#onRecord(container, (record) => connectNetwork(this.#parts, record, endpoint));
  }

  disconnect(container: string, network: string, force: boolean): Promise<void> {
    return this.#onRecord(container, (record) => disconnectNetwork(this.#parts, record, { network, force }));
  }

  leaving(): Promise<readonly Leaving[]> {
    return listLeaving(this.#parts);
  }

  namesNetwork(networkID: string): boolean {
    return isNamedByAny(this.#parts, networkID);
  }

  onChange(listener: (ids: readonly string[]) => void): () => void {
    return this.#parts.table.onChange(listener);
  }

  /** Containers go on running. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unwatch();
    this.#parts.restarts.cancelAll();
    await this.#parts.health[Symbol.asyncDispose]();
    // A commit that is cut off wakes the container it froze.
    await this.#archives[Symbol.asyncDispose]();
    await this.#parts.queue.idle();
    await this.#parts.logs[Symbol.asyncDispose]();
  }

  #onRecord<T>(container: string, work: (record: ContainerRecord) => Promise<T>): Promise<T> {
    const { id } = this.#parts.table.get(container);
    return this.#parts.queue.run(id, () => work(this.#parts.table.get(id)));
  }

  #running(container: string): ContainerRecord {
    const record = this.#parts.table.get(container);
    if (isAlive(record.state.status)) return record;
    throw new EngineError("failed-precondition", `container ${record.name} is not running`, {
      hint: `start it with: gantry start ${record.name}`,
    });
  }
}
