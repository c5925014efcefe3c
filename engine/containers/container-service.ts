import type { EngineError } from "../errors.ts";
import type { ChangesPage } from "../layers/layer-store.ts";
import type { EndpointRequest } from "../networks/network-service.ts";
import type { ContainerSummary, ExecRequest } from "../protocol/containers.ts";
import type { CreateRequest } from "../protocol/create-request.ts";
import type { LayersResult } from "../protocol/images.ts";
import type { PortBinding } from "../protocol/ports.ts";
import type { DiskUsage, FsckFinding } from "../protocol/upkeep.ts";
import type { AttachSession, ExecSession } from "../runtime/container-runtime.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { ContainerArchives } from "./container-archives.ts";
import type { ContainerExecs } from "./container-execs.ts";
import type { Leaving } from "./end-with-host.ts";
import type { Pruned, PruneFilter } from "./prune-containers.ts";
import type { Update } from "./update-container.ts";

export type WaitCondition = "stopped" | "next-exit" | "removed";

/** Where a reader of a container's log finds it. */
export type LogSource = {
  readonly container: string;
  readonly path: string;
  /** False where its output is kept nowhere. */
  readonly isKept: boolean;
  readonly terminal: boolean;
  /** True once nothing more will be written. */
  readonly ended: () => boolean;
};

export type AttachRequest = {
  readonly onSession: (session: AttachSession) => void;
  /** Instead of a session: the container was removed, or its start failed. */
  readonly onGone: (reason: EngineError) => void;
  /** Ends the waiting for a session. */
  readonly signal: AbortSignal;
};

/** networksMayCome: a network that is not there is missed by the start. */
export type CreateOptions = { readonly networksMayCome?: boolean };

/**
 * Records and life cycle. `container` params take a name, an id, or a unique prefix of an id. One act at a time a container: acts
 * on the same container queue, reads never wait. Every act is durable before it answers, and undone whole where it fails.
 */
export interface ContainerService extends AsyncDisposable {
  /** Brings records in line with what really runs, sweeps what nobody owns, restarts by policy. Once, before serving. */
  reconcile(): Promise<void>;

  /** Those that run, for endWithHost() after this service was closed. */
  leaving(): Promise<readonly Leaving[]>;

  list(all: boolean): readonly ContainerSummary[];
  /** Fails with `not-found`, or `invalid-argument` for an ambiguous prefix. */
  get(container: string): ContainerSummary;
  create(request: CreateRequest, options?: CreateOptions): Promise<{ id: string; warnings: string[] }>;
  start(container: string): Promise<{ started: boolean }>;
  stop(container: string, timeout: number | null, signal?: string): Promise<{ stopped: boolean; hint: string | null }>;
  restart(container: string, timeout: number | null, signal?: string): Promise<void>;
  kill(container: string, signal: string): Promise<void>;
  pause(container: string): Promise<void>;
  unpause(container: string): Promise<void>;
  remove(container: string, options: { readonly force: boolean; readonly volumes: boolean }): Promise<void>;
  rename(container: string, name: string): Promise<void>;
  /** Takes away what docker's `--link` gave. `not-found`: no such link. */
  removeLink(container: string, alias: string): Promise<void>;
  /** Limits (null, empty and 0: as they are) and restart policy, live where it runs, durable, all or nothing. */
  update(container: string, update: Update): Promise<{ warnings: string[] }>;
  wait(container: string, condition: WaitCondition, signal: AbortSignal): Promise<{ exitCode: number }>;
  /** docker's inspect JSON. */
  inspect(container: string): Promise<Record<string, unknown>>;
  top(container: string, args: readonly string[]): Promise<{ titles: string[]; processes: string[][] }>;
  /** A page; `after` is the `next` of the page before. */
  changes(container: string, limit: number, after?: string): Promise<ChangesPage>;
  ports(container: string): readonly PortBinding[];
  layersOf(container: string): Promise<LayersResult>;
  /** Sizes of writable layers may be some seconds old. */
  diskUsage(): Promise<DiskUsage["containers"]>;
  /**
   * Connects to the stdio of the main process. Where it does not run yet, the session comes at the next start, connected
   * before the process starts. Any number of sessions at once. stdinOnce: the end of input of the first is the process's.
   */
  attach(container: string, request: AttachRequest): Promise<{ terminal: boolean; stdinOnce: boolean }>;
  /** Of the main process's terminal; does nothing where it has none. Fails with `failed-precondition` where it does not run. */
  resize(container: string, rows: number, columns: number): Promise<void>;
  /** execID: made up by the caller, unique. */
  exec(request: ExecRequest, execID: string): Promise<ExecSession>;
  /** Tells others what a client did with its session: `detach`, `resize`, `exec_detach`. Nothing where the container is gone. */
  note(container: string, action: string, attributes: Readonly<Record<string, string>>): void;
  /** Removes those that do not run. */
  prune(filter: PruneFilter): Promise<Pruned>;
  logSource(container: string): LogSource;
  /** Log driver of containers that ask for none. */
  readonly logDriver: string;
  /** Puts it on one more network: now where it runs, and at each of its starts. */
  connect(container: string, endpoint: EndpointRequest): Promise<void>;
  /** The reverse. force: what cannot be taken away now is put right by the next start. */
  disconnect(container: string, network: string, force: boolean): Promise<void>;
  /** Whether any container, running or not, is to be on this network. */
  namesNetwork(networkID: string): boolean;
  /** Looks whether mounts and directories are as records say. */
  fsck(repair: boolean): Promise<FsckFinding[]>;
  readonly checkpoints: Checkpoints;
  /** Processes made in one step and started in another. */
  readonly execs: ContainerExecs;
  /** Its files as tars: commit, export, copies in and out. */
  readonly archives: ContainerArchives;
  /** After every change of what `list` would say: ids that changed or went. */
  onChange(listener: (ids: readonly string[]) => void): () => void;
}
