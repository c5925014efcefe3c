import type { EngineConfig } from "../config.ts";
import type { EventBus } from "../events/event-bus.ts";
import type { ImageService } from "../images/image-service.ts";
import type { LayerStore } from "../layers/layer-store.ts";
import type { KeyedQueue } from "../lib/keyed-queue.ts";
import type { Tally } from "../lib/tally.ts";
import type { Log } from "../log.ts";
import type { StatsSampler } from "../metrics/stats-sampler.ts";
import type { NetworkService } from "../networks/network-service.ts";
import type { ContainerRuntime } from "../runtime/container-runtime.ts";
import type { VolumeService } from "../volumes/volume-service.ts";
import type { ContainerLogs } from "./container-logs.ts";
import type { ContainerTable } from "./container-table.ts";
import type { ExecSessions } from "./exec-sessions.ts";
import type { HealthMonitors } from "./health/health-monitors.ts";
import type { PendingSessions } from "./pending-sessions.ts";
import type { RestartTimers } from "./restart-timers.ts";
import type { Stopping } from "./stopping.ts";
import type { Waiters } from "./waiters.ts";

/** What the acts on containers share. Each is owned by the service; the acts are functions over them. */
export type ContainerParts = {
  readonly config: EngineConfig;
  readonly images: ImageService;
  readonly layers: LayerStore;
  readonly runtime: ContainerRuntime;
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  readonly sampler: StatsSampler;
  readonly events: EventBus;
  readonly log: Log;
  readonly logs: ContainerLogs;
  readonly table: ContainerTable;
  readonly waiters: Waiters;
  readonly sessions: PendingSessions;
  readonly restarts: RestartTimers;
  readonly execs: ExecSessions;
  readonly health: HealthMonitors;
  /** Which are being stopped, and until when. */
  readonly stopping: Stopping;
  /** Containers in the middle of a restart by hand, whose end must not take them away (--rm). */
  readonly comingBack: Tally;
  /** One act at a time a container. */
  readonly queue: KeyedQueue;
  /** Of this boot of the host. */
  readonly bootID: string;
};
